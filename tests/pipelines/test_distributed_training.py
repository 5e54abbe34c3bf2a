"""Two processes with one example each learn what one process with two examples learns."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.lift_run import TRAINING, LiftRun
from tests.pipelines.gloo_ranks import RANKS
from tests.pipelines.training_ranks import METHODS, STEPS, TAIL, config_of, network_weights, record
from tests.training import prepared

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Trained:
    """What came of both ways."""

    method: str
    ranks: list[dict[str, Any]]
    alone: dict[str, Any]
    folder: Path


@pytest.fixture(scope="module", params=METHODS)
def both(
    request: pytest.FixtureRequest, lift_run: LiftRun, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    method = request.param
    folder = tmp_path_factory.mktemp("distributed")
    module = "tests.pipelines.training_ranks"
    line = [sys.executable, "-m", module, method, lift_run.scenes, folder]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    ranks = [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in range(RANKS)]
    alone = record(config_of(method, lift_run.scenes, folder / "alone", 2))
    return Trained(method, ranks, alone, folder)


def test_losses_are_the_same_on_average(both: Trained):
    assert len(both.alone["losses"]) == STEPS
    for step, expected in enumerate(both.alone["losses"]):
        found = [rank["losses"][step] for rank in both.ranks]
        assert found[0] != found[1]
        for name, loss in expected.items():
            mean = sum(one[name] for one in found) / RANKS
            assert mean == pytest.approx(loss, rel=1e-3), (step, name)


def test_weights_are_the_same(both: Trained):
    first, second = (rank["weights"] for rank in both.ranks)
    for name, expected in both.alone["weights"].items():
        assert torch.equal(first[name], second[name]), name
        torch.testing.assert_close(first[name], expected, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("both", ["condense-pretrain-tuned"], indirect=True)
def test_low_rank_updates_are_learned(both: Trained):
    for weights in (both.alone["weights"], *(rank["weights"] for rank in both.ranks)):
        updates = [
            weights[name] for name in weights if name.startswith(TAIL) and name.endswith(".up")
        ]
        assert len(updates) >= 2  # zero before training
        assert all(update.abs().max() > 1e-3 for update in updates)


def test_each_process_keeps_to_its_share_of_the_scenes(both: Trained):
    for number, rank in enumerate(both.ranks):
        assert rank["scenes"] == [[TRAINING[number]]] * STEPS
        stored = {file.name for file in (both.folder / f"rank{number}" / "features").iterdir()}
        # What features are usual is told from the same few scenes by all.
        usual = set(TRAINING) if both.method.startswith("condense-pretrain") else set()
        assert stored == {TRAINING[number]} | usual
    assert both.alone["scenes"] == [list(TRAINING)] * STEPS


def test_the_first_process_alone_writes_a_checkpoint_that_one_process_goes_on_from(
    both: Trained, lift_run: LiftRun, tmp_path: Path
):
    found = [list((both.folder / f"rank{rank}").rglob("*.ckpt")) for rank in range(RANKS)]
    assert [len(files) for files in found] == [1, 0]
    config = config_of(both.method, lift_run.scenes, tmp_path, 2)
    config.load_dir = found[0][0].parent
    weights = network_weights(prepared(config))
    for name, expected in both.ranks[0]["weights"].items():
        assert torch.equal(weights[name], expected), name
