"""`condense bench keypoints` on a run that is really trained."""

import json
import math
from io import StringIO
from pathlib import Path
from typing import get_args

import pytest
import torch
from rich.console import Console

from condense_ns.benchmarks.keypoint_ablation import AGAIN, ALL, Schedule, judge_of, row_config
from condense_ns.commands.bench_keypoints import BenchKeypoints, Loss
from condense_ns.commands.evaluate import show_rows
from condense_ns.errors import UserError
from condense_ns.models.keypoint_training import LOSSES
from tests.sparse_run import SparseRun, sparse_pipeline_config
from tests.trained_run import TrainedRun

RECALLS = {"recall_5pct_5deg", "recall_1pct_2deg"}
REPEATED = {"repeated_1px", "repeated_3px", "repeated_5px"}


def test_every_loss_can_be_left_out():
    assert set(get_args(Loss)) == set(LOSSES) == set(BenchKeypoints(Path()).losses)


@pytest.fixture(scope="module")
def figures(
    sparse_run: SparseRun, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, float]]:
    """Rows of a bench that trains for a moment."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    bench = BenchKeypoints(
        sparse_run.config, losses=("prior",), steps=12, rays=16, count=96, output_path=file
    )
    bench.main()
    found = json.loads(file.read_text())
    assert {"date", "commit", "processor", "torch"} <= found.keys()
    assert (found["steps"], found["count"]) == (12, 96)
    return found["rows"]


def test_rows_hold_shares_and_errors(figures: dict[str, dict[str, float]]):
    assert list(figures) == [ALL, "no prior", AGAIN]
    for row in figures.values():
        shares = REPEATED | RECALLS | {"matching_score"}
        assert set(row) == shares | {"median_percent", "median_degrees"}
        known = [row[name] for name in shares if not math.isnan(row[name])]
        assert all(0.0 <= value <= 1.0 for value in known)
        assert row["recall_1pct_2deg"] <= row["recall_5pct_5deg"]


def test_the_table_fits_eighty_columns(figures: dict[str, dict[str, float]]):
    console = Console(width=80, record=True, file=StringIO())
    show_rows("keypoints", {f"no {name}": figures[ALL] for name in LOSSES}, console)
    text = console.export_text()
    assert "no repeatability" in text
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_rows_are_trained_apart(figures: dict[str, dict[str, float]]):
    assert figures[ALL] != figures["no prior"]
    assert figures[ALL] != figures[AGAIN]


def test_a_row_lacks_its_loss_and_nothing_else(sparse_run: SparseRun, tmp_path: Path):
    schedule = Schedule(steps=12, rays=16, count=96)
    whole = sparse_pipeline_config(row_config(sparse_run.config, tmp_path, schedule, None))
    without = sparse_pipeline_config(row_config(sparse_run.config, tmp_path, schedule, "contrast"))
    assert (
        without.model.keypoint_contrast_loss_mult == 0.0 < whole.model.keypoint_contrast_loss_mult
    )
    without.model.keypoint_contrast_loss_mult = whole.model.keypoint_contrast_loss_mult
    assert without.model == whole.model
    assert whole.model.geometry_from == sparse_run.config
    assert (whole.keypoint_steps, whole.keypoint_every) == (12, 1)


def test_scenes_without_depth_images_are_measured_in_percent_of_their_diagonal(
    sparse_run: SparseRun,
):
    judge = judge_of(sparse_run.config)
    points = torch.cat([view.points[view.valid] for view in judge.held_out])
    extent = points.amax(dim=0) - points.amin(dim=0)
    assert set(judge.limits.recalls) == RECALLS
    assert 0.0 < judge.limits.unit < 0.01 * float(extent.norm())


@pytest.mark.parametrize("option", ["steps", "rays", "count"])
def test_nothing_cannot_be_measured(sparse_run: SparseRun, option: str):
    bench = BenchKeypoints(sparse_run.config)
    setattr(bench, option, 0)
    with pytest.raises(UserError, match="at least 1"):
        bench.main()


def test_a_run_without_keypoints_is_told(trained_run: TrainedRun, tmp_path: Path):
    bench = BenchKeypoints(trained_run.config, output_path=tmp_path / "figures.json")
    with pytest.raises(UserError, match="no keypoints"):
        bench.main()
