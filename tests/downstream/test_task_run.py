"""The whole way: what is written, resuming, what is trained, what is learned."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from condense_ns.downstream.prepared_cloud import Preparation
from condense_ns.downstream.prepared_split import PreparedData, PreparedSplit
from condense_ns.downstream.run_progress import RunProgress
from condense_ns.downstream.task_run import CHECKPOINT, PICTURE, ROW, run_task
from condense_ns.errors import UserError
from tests.downstream.made_up_clouds import rooms_data, shapes_data
from tests.downstream.tiny_run import SETTINGS, KilledAt, KilledError, tiny_plan

LONGER = replace(SETTINGS, steps=150, batch=4)


def test_a_run_writes_its_row_picture_checkpoint_and_curves(tmp_path):
    row = run_task(shapes_data(), tiny_plan(labels=50.0), tmp_path / "run")
    assert json.loads((tmp_path / "run" / ROW).read_text()) == row
    assert row["labelled_clouds"] == 4
    assert row["untaught"] == []
    assert row["figures"].keys() == {"overall_accuracy", "class_accuracy"}
    assert {"commit", "date", "processor"} <= row.keys()
    with Image.open(tmp_path / "run" / PICTURE) as picture:
        assert picture.format == "PNG"
    assert (tmp_path / "run" / CHECKPOINT).stat().st_size < 100_000  # the head alone
    assert list((tmp_path / "run").glob("events.out.tfevents.*"))


def test_a_run_that_has_ended_is_only_read(tmp_path):
    first = run_task(shapes_data(), tiny_plan(), tmp_path)
    again = run_task(shapes_data(), tiny_plan(), tmp_path, progress=partial(KilledAt, steps=0))
    assert again == first


@pytest.mark.parametrize(
    ("mode", "data"), [("frozen", shapes_data), ("frozen", rooms_data), ("adapters", shapes_data)]
)
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path, mode, data):
    settings = replace(SETTINGS, checkpoint_seconds=0.0, most_rows=20)  # rooms have more
    plan = tiny_plan(mode, settings=settings)
    with pytest.raises(KilledError):
        run_task(data(), plan, tmp_path / "cut", progress=partial(KilledAt, steps=2))
    assert not (tmp_path / "cut" / ROW).exists()
    run_task(data(), plan, tmp_path / "cut")
    run_task(data(), plan, tmp_path / "whole")
    cut, whole = ((tmp_path / name / CHECKPOINT) for name in ("cut", "whole"))
    one, other = load_file(cut), load_file(whole)
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


@pytest.mark.parametrize("steps", [1, 4])
def test_fine_tuning_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path, steps):
    settings = replace(SETTINGS, checkpoint_seconds=0.0, head_steps=3)
    plan = tiny_plan("all", backbone="shipped", settings=settings)
    with pytest.raises(KilledError):
        run_task(shapes_data(), plan, tmp_path / "cut", progress=partial(KilledAt, steps=steps))
    again = run_task(shapes_data(), plan, tmp_path / "cut")
    whole = run_task(shapes_data(), plan, tmp_path / "whole")
    one, other = (load_file(tmp_path / name / CHECKPOINT) for name in ("cut", "whole"))
    assert one.keys() == other.keys()
    assert all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)
    assert again["figures"] == whole["figures"]


def test_backbones_from_scratch_learn_from_the_first_step(tmp_path):
    steps = []

    class Counted(RunProgress):
        def begin_training(self, steps_to_come: int) -> None:
            steps.append(steps_to_come)

    run_task(shapes_data(), tiny_plan("all"), tmp_path / "scratch", progress=Counted)
    run_task(
        shapes_data(), tiny_plan("all", backbone="shipped"), tmp_path / "file", progress=Counted
    )
    assert steps == [SETTINGS.steps, SETTINGS.head_steps + SETTINGS.steps]


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    run_task(shapes_data(), tiny_plan(), tmp_path)
    with pytest.raises(UserError, match="is of a run with other options or data; delete it"):
        run_task(shapes_data(), tiny_plan(seed=1), tmp_path)


def test_figures_of_another_folder_are_not_answered(tmp_path, monkeypatch):
    here, there = (replace(shapes_data(), source=folder) for folder in ("/a 01", "/b 01"))
    row = run_task(here, tiny_plan(), tmp_path)
    assert json.loads(row["origin"]["source"]) == "/a 01"
    read, clouds = [], PreparedData(there, tiny_plan().preparation)
    monkeypatch.setattr(PreparedSplit, "__getitem__", lambda self, place: read.append(place))
    with pytest.raises(UserError, match=r"other options or data; delete it .*, or name another"):
        run_task(there, tiny_plan(), tmp_path, clouds=clouds)
    assert not read  # it is told before the work
    monkeypatch.undo()
    assert "source" not in run_task(shapes_data(), tiny_plan(), tmp_path / "made up")["origin"]


def test_a_damaged_checkpoint_is_refused(tmp_path):
    run_task(shapes_data(), tiny_plan(), tmp_path)
    (tmp_path / ROW).unlink()
    (tmp_path / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(UserError, match="cannot be read as a checkpoint of condense probe"):
        run_task(shapes_data(), tiny_plan(), tmp_path)


def test_balls_and_cubes_are_told_apart(tmp_path):
    plan = tiny_plan(settings=LONGER, preparation=Preparation(resolution=8))
    row = run_task(shapes_data(train=24, test=16), plan, tmp_path)
    assert row["figures"]["overall_accuracy"] > 0.9


@pytest.mark.parametrize(
    "head",
    [
        "linear",
        pytest.param("mlp", marks=pytest.mark.slow),
        pytest.param("decoder", marks=pytest.mark.slow),
    ],
)
def test_floor_and_cube_are_told_apart(tmp_path, head):
    settings = replace(SETTINGS, steps=60)
    plan = tiny_plan("adapters", head=head, settings=settings)  # frozen ones reach 0.8 at most
    figures = run_task(rooms_data(), plan, tmp_path)["figures"]
    assert figures["mean_iou"] > 0.6  # 0.25 for floor everywhere
    assert figures["overall_accuracy"] > 0.8  # 0.5 for floor everywhere


def test_a_frozen_backbone_is_probed_by_a_few_voxels_at_a_time(tmp_path):
    settings = replace(SETTINGS, steps=60, most_rows=32)
    figures = run_task(rooms_data(), tiny_plan(settings=settings), tmp_path)["figures"]
    assert figures["overall_accuracy"] > 0.6  # 0.5 for floor everywhere


def test_parts_are_told_apart(tmp_path):
    plan = tiny_plan(settings=LONGER, preparation=Preparation(resolution=8))
    figures = run_task(shapes_data("parts"), plan, tmp_path)["figures"]
    assert figures.keys() == {"instance_iou", "class_iou", "overall_accuracy"}
    assert figures["instance_iou"] > 0.4  # 0.25 for one part everywhere


def test_a_head_that_the_task_cannot_have_is_refused(tmp_path):
    with pytest.raises(UserError, match="--head is decoder; for this task it can be linear, mlp"):
        run_task(shapes_data(), tiny_plan(head="decoder"), tmp_path)
