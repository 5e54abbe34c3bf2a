"""A run of lift3d on disk, two steps long: everything around the network is real."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.data.multi_scene_datamanager import MultiSceneDataManagerConfig
from condense_ns.methods import lift3d_tiny
from condense_ns.models.lift3d import Lift3DModel, Lift3DModelConfig
from condense_ns.pipelines.cross_scene_pipeline import (
    CrossScenePipeline,
    CrossScenePipelineConfig,
)
from tests.training import prepared

STEPS = 2
TRAINING, TESTED = ("tabletop_000001", "tabletop_000002"), "tabletop_000003"


@dataclass(frozen=True)
class LiftRun:
    """What is needed to open it."""

    config: Path
    """Its config.yml."""
    scenes: Path
    """The list of its scenes: two for training and evaluation meanwhile, a third one for tests."""


def write_list(tabletops: Path, file: Path) -> Path:
    """A list of the made-up scenes."""
    train = ", ".join(f"{tabletops / name}" for name in TRAINING)
    file.write_text(f"train: [{train}]\nval: [{train}]\ntest: [{tabletops / TESTED}]\n")
    return file


def small_lift_config(
    scenes: Path, output: Path, encoders: tuple[str, ...] = ("gradients",), steps: int = STEPS
) -> TrainerConfig:
    """lift3d-tiny with few planes, rays and sources, from random weights, saved below `output`."""
    config = lift3d_tiny(steps)
    config.output_dir, config.experiment_name, config.timestamp = output, "test", "run"
    pipeline = lift_pipeline_config(config)
    pipeline.encoders = encoders
    data = pipeline.datamanager
    assert isinstance(data, MultiSceneDataManagerConfig)
    config.data = data.data = scenes
    data.image_size, data.num_sources, data.num_eval_sources = 64, (2, 3), 3
    data.encoder_image_size = 64
    model = lift_settings(config)
    model.initial_weights = None
    model.depth_planes, model.samples_per_ray = 12, 3
    model.window_height, model.window_width = 32, 40
    model.rays_per_step, model.feature_rays_per_step, model.picture_side = 64, 24, 16
    return config


def lift_pipeline_config(config: TrainerConfig) -> CrossScenePipelineConfig:
    """Its pipeline, as what it is."""
    assert isinstance(config.pipeline, CrossScenePipelineConfig)
    return config.pipeline


def lift_settings(config: TrainerConfig) -> Lift3DModelConfig:
    """The settings of its model."""
    model = lift_pipeline_config(config).model
    assert isinstance(model, Lift3DModelConfig)
    return model


def lift_pipeline(trainer: Trainer) -> CrossScenePipeline:
    """Its pipeline, as what it is."""
    assert isinstance(trainer.pipeline, CrossScenePipeline)
    return trainer.pipeline


def trained(config: TrainerConfig) -> Trainer:
    """A trainer after the host's own loop, with its checkpoint on disk."""
    trainer = prepared(config)
    trainer.train()
    return trainer


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Copies of all weights of its network."""
    model = lift_pipeline(trainer).model
    assert isinstance(model, Lift3DModel)
    state = model.network.state_dict()
    return {name: value.clone() for name, value in state.items()}


def make_lift_run(tabletops: Path, folder: Path) -> LiftRun:
    """Train lift3d-tiny for a moment and evaluate it once."""
    scenes = write_list(tabletops, folder / "list.yaml")
    config = small_lift_config(scenes, folder / "outputs")
    config.steps_per_eval_batch = config.steps_per_eval_image = 1
    trainer = trained(config)
    return LiftRun(trainer.base_dir / "config.yml", scenes)


def opened(run: LiftRun, test_mode: Any = "test") -> CrossScenePipeline:
    """The run as ns-eval opens it."""
    _, pipeline, _, _ = eval_setup(run.config, test_mode=test_mode)
    assert isinstance(pipeline, CrossScenePipeline)
    return pipeline
