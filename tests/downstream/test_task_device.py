"""Classes and parts are learned and scored on a device that is not the CPU."""

from dataclasses import replace

import pytest

from condense_ns.downstream.backbone_choice import Mode
from condense_ns.downstream.prepared_cloud import Preparation
from condense_ns.downstream.task_run import run_task
from tests.downstream.made_up_clouds import shapes_data
from tests.downstream.tiny_run import SETTINGS, tiny_plan
from tests.pretended_gpu import PretendedGpu

COARSE = Preparation(resolution=5)
CASES: list[tuple[str, Mode]] = [("classify", "frozen"), ("parts", "adapters")]


@pytest.mark.parametrize(("task", "mode"), CASES)
def test_no_tensor_is_left_behind(tmp_path, task, mode: Mode):
    settings = replace(SETTINGS, steps=1, batch=1, most_voxels=20)
    plan = tiny_plan(mode, preparation=COARSE, settings=settings)
    with PretendedGpu():
        row = run_task(shapes_data(task, train=2, test=1), plan, tmp_path, device="cuda")
    assert row["test_clouds"] == 1
