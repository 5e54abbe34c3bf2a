"""Trainings of no steps: what was there before is kept, and can be opened."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nerfstudio.configs.experiment_config import ExperimentConfig
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.utils import writer
from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.fields import view_code
from condense_ns.fields.backbone_file import load_backbone
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.frozen_geometry import read_run
from tests.backbones import write_backbone
from tests.lift_run import lift_pipeline, small_lift_config, trained, write_list
from tests.training import COLOURS, feature_pipeline, pipeline_config, prepared, small_config, train

NoSteps = Callable[[TrainerConfig], Trainer]


@pytest.fixture
def after_no_steps(monkeypatch: pytest.MonkeyPatch) -> NoSteps:
    """A trainer after the host's own loop, as in a process of its own."""

    def ended(config: TrainerConfig) -> Trainer:
        config.max_num_iterations = 0
        # Those of other trainings in this process know of steps.
        monkeypatch.setattr(writer, "EVENT_WRITERS", [])
        monkeypatch.delitem(writer.GLOBAL_BUFFER, "step", raising=False)
        return trained(config)

    return ended


def checkpoints(trainer: Trainer) -> list[str]:
    return [file.name for file in trainer.checkpoint_dir.iterdir()]


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.pipeline.state_dict().items()}


def test_predicted_features_on_the_geometry_of_a_run_are_kept_as_they_are(
    tabletop: Path, tmp_path: Path, after_no_steps: NoSteps
):
    geometry = prepared(small_config(tabletop, tmp_path / "geometry"))
    train(geometry, 1)
    config = small_config(tabletop, tmp_path / "out")
    model = pipeline_config(config).model
    model.backbone = write_backbone(tmp_path / "backbone.safetensors", (COLOURS,))
    model.geometry_from, model.backbone_most_voxels = geometry.base_dir / "config.yml", 1500
    trainer = after_no_steps(config)
    assert checkpoints(trainer) == ["step-000000000.ckpt"]
    _, opened, _, step = eval_setup(trainer.base_dir / "config.yml", test_mode="test")
    assert isinstance(opened, FeaturePipeline)
    assert step == 0
    predicted, made = opened.model.predicted, feature_pipeline(trainer).model.predicted
    assert predicted is not None
    assert made is not None
    assert predicted.learned_share == 0.0
    assert torch.equal(predicted.latents, made.latents)
    decoder = load_backbone(model.backbone).decoders.of_encoder(COLOURS)
    latents = predicted.latents[:50]
    ours = opened.model.decoder(COLOURS).parts(
        torch.cat([latents, torch.zeros(50, view_code.DIM)], dim=1)
    )[0]
    torch.testing.assert_close(ours, decoder.parts(latents)[0])
    theirs = weights(geometry)
    for name, value in opened.state_dict().items():
        if name.startswith(("_model.field.", "_model.proposal_networks.")):
            assert torch.equal(value, theirs[name]), name


def test_a_loaded_run_keeps_its_step_and_its_weights(
    scene: Path, tmp_path: Path, after_no_steps: NoSteps
):
    first = prepared(small_config(scene, tmp_path / "first"))
    train(first, 3)
    config = small_config(scene, tmp_path / "again")
    config.load_dir = first.checkpoint_dir
    again = after_no_steps(config)
    assert checkpoints(again) == ["step-000000002.ckpt"]
    theirs = weights(again)
    assert all(torch.equal(value, theirs[name]) for name, value in weights(first).items())


def test_methods_over_many_scenes_keep_what_they_begin_with(
    tabletops: Path, tmp_path: Path, after_no_steps: NoSteps
):
    scenes = write_list(tabletops, tmp_path / "list.yaml")
    trainer = after_no_steps(small_lift_config(scenes, tmp_path / "out"))
    assert checkpoints(trainer) == ["step-000000000.ckpt"]
    _, opened, _, _ = eval_setup(trainer.base_dir / "config.yml", test_mode="test")
    begun = lift_pipeline(trainer).model.state_dict()
    assert all(torch.equal(value, begun[name]) for name, value in opened.model.state_dict().items())


def test_the_saved_settings_are_those_of_the_user(
    scene: Path, tmp_path: Path, after_no_steps: NoSteps
):
    trainer = after_no_steps(small_config(scene, tmp_path))
    saved = read_run(trainer.base_dir / "config.yml")
    assert isinstance(saved, ExperimentConfig)
    assert saved.logging.local_writer.enable
