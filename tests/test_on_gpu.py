"""The methods train, evaluate and render on a CUDA device."""

from pathlib import Path

import pytest
import torch

from tests.lift_run import small_lift_config, write_list
from tests.training import prepared, small_config, train

pytestmark = pytest.mark.gpu


def test_condense_dense_trains_and_renders(scene: Path, tmp_path: Path):
    config = small_config(scene, tmp_path)
    config.machine.device_type = "cuda"
    trainer = prepared(config)
    assert all(torch.tensor(loss).isfinite() for loss in train(trainer, 5).values())
    metrics, images = trainer.pipeline.get_eval_image_metrics_and_images(5)
    assert images["img"].isfinite().all()
    assert all(torch.tensor(float(value)).isfinite() for value in metrics.values())


def test_lift3d_trains_and_renders(tabletops: Path, tmp_path: Path):
    config = small_lift_config(write_list(tabletops, tmp_path / "list.yaml"), tmp_path)
    config.machine.device_type = "cuda"
    trainer = prepared(config)
    trainer.train()
    trainer.pipeline.eval()
    metrics, images = trainer.pipeline.get_eval_image_metrics_and_images(5)
    assert images["img"].isfinite().all()
    assert all(torch.tensor(float(value)).isfinite() for value in metrics.values())
