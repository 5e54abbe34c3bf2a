"""The cross-scene methods train and render on a device that is not the CPU."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from nerfstudio.engine.trainer import TrainerConfig

from tests.lift_run import small_lift_config, write_list
from tests.pretended_gpu import DeviceMixError, PretendedGpu
from tests.pretrain_run import model_settings, small_pretrain_config
from tests.training import prepared


@pytest.fixture
def _cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own check finds the device, and nothing leaves the thread that pretends."""

    def submit(pool, task, *args, **kwargs):
        done: Future = Future()
        done.set_result(task(*args, **kwargs))
        return done

    monkeypatch.setattr("condense_ns.encoders.check_device", lambda device: None)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit)


def test_the_pretended_device_by_hand():
    with PretendedGpu():
        there, here = torch.arange(3.0, device="cuda"), torch.ones(3)
        assert there.device.type == "cuda"
        assert (2 * there + torch.tensor(1.0)).device.type == "cuda"
        assert there.to(here).device.type == "cpu"
        assert here.to(there.device).device.type == "cuda"
        assert there[torch.tensor([0, 2])].tolist() == [0.0, 2.0]
        assert there.new_zeros(2).device.type == "cuda"
        with pytest.raises(DeviceMixError, match="add meets"):
            _ = there + here
        with pytest.raises(DeviceMixError, match="meets"):
            torch.cat([there, here])
        with pytest.raises(DeviceMixError, match="numpy"):
            there.numpy()
        layer = torch.nn.Linear(3, 2).to("cuda")
        layer(there).sum().backward()
        assert layer.weight.grad is not None
        assert layer.weight.grad.device.type == "cuda"
        with pytest.raises(DeviceMixError):
            layer(here)


def every_objective(scenes: Path, output: Path) -> TrainerConfig:
    """condense-pretrain with all of its losses."""
    config = small_pretrain_config(scenes, output, ("mini", "gradients"))
    model_settings(config).objectives = ("condense", "mvnet", "sparse", "language")
    return config


@pytest.mark.usefixtures("_cuda")
@pytest.mark.parametrize("small_config", [small_lift_config, every_objective])
def test_methods_over_many_scenes_leave_no_tensor_behind(
    small_config: Callable[[Path, Path], TrainerConfig], tabletops: Path, tmp_path: Path
):
    config = small_config(write_list(tabletops, tmp_path / "list.yaml"), tmp_path)
    config.machine.device_type, config.max_num_iterations = "cuda", 1
    with PretendedGpu():
        trainer = prepared(config)
        trainer.train()
        trainer.pipeline.eval()
        _, images = trainer.pipeline.get_eval_image_metrics_and_images(1)
        assert images["img"].device.type == "cuda"
