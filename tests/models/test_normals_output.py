"""`normals` among the outputs of a model in evaluation."""

from pathlib import Path

import pytest
import torch

from condense_ns.pipelines.loaded_run import load_run
from tests.trained_run import TrainedRun
from tests.training import feature_pipeline, pipeline_config, prepared, small_config


def test_a_picture_of_unit_vectors_that_face_the_camera(trained_run: TrainedRun):
    pipeline = load_run(trained_run.config)
    camera = pipeline.datamanager.eval_dataset.cameras[0:1]
    pictures = pipeline.model.get_outputs_for_camera(camera)["normals"]
    assert pictures.shape == (48, 64, 3)
    assert pictures.dtype == torch.float32
    assert pictures.min() >= 0.0
    assert pictures.max() <= 1.0
    normals = 2.0 * pictures - 1.0
    assert torch.allclose(normals.norm(dim=-1), torch.ones(48, 64), atol=1e-4)
    directions = camera.generate_rays(camera_indices=0).directions
    assert (normals * directions).sum(dim=-1).max() <= 1e-4


def test_training_computes_none(scene: Path, tmp_path: Path):
    pipeline = feature_pipeline(prepared(small_config(scene, tmp_path)))
    rays, _ = pipeline.datamanager.next_train(0)
    assert "normals" not in pipeline.model(rays)


def test_those_of_the_host_are_kept(scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = small_config(scene, tmp_path)
    pipeline_config(config).model.predict_normals = True
    pipeline = feature_pipeline(prepared(config))
    pipeline.eval()
    monkeypatch.setattr(pipeline.model, "normals_of_rays", None)  # to call it would be an error
    rays, _ = pipeline.datamanager.next_train(0)
    with torch.no_grad():
        outputs = pipeline.model(rays)
    assert outputs["normals"].shape == outputs["pred_normals"].shape == (256, 3)
