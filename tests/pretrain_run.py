"""A run of condense-pretrain on disk, a few steps long: everything around the networks is real."""

from pathlib import Path

import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig

from condense_ns.data.volume_datamanager import VolumeDataManagerConfig
from condense_ns.methods import condense_pretrain_tiny
from condense_ns.models.condense_pretrain import (
    CondensePretrainModel,
    CondensePretrainModelConfig,
)
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipeline
from tests.lift_run import lift_pipeline_config
from tests.training import COLOURS

STEPS = 2
AGREEMENT = {
    f"{COLOURS} {kind}" for kind in ("cos_c", "coverage", "cos_c to refined", "cos_c of refined")
}
"""What its evaluation tells of each encoder, of that of `COLOURS`."""


def small_pretrain_config(
    scenes: Path, output: Path, encoders: tuple[str, ...] = (COLOURS,), steps: int = STEPS
) -> TrainerConfig:
    """condense-pretrain-tiny with few voxels and views, saved below `output`."""
    config = condense_pretrain_tiny(steps)
    config.output_dir, config.experiment_name, config.timestamp = output, "test", "run"
    pipeline = lift_pipeline_config(config)
    pipeline.encoders = encoders
    data, model = pipeline.datamanager, pipeline.model
    assert isinstance(data, VolumeDataManagerConfig)
    assert isinstance(model, CondensePretrainModelConfig)
    config.data = data.data = scenes
    data.image_size = data.encoder_image_size = 64
    data.views_per_example, data.most_voxels = 3, 1500
    data.grey_share = 0.0  # the encoder says colours
    model.latent_dim = model.decoder_hidden_dim = model.refiner_width = 16
    return config


def model_settings(config: TrainerConfig) -> CondensePretrainModelConfig:
    """The settings of its model."""
    model = lift_pipeline_config(config).model
    assert isinstance(model, CondensePretrainModelConfig)
    return model


def model_of(pipeline: CrossScenePipeline) -> CondensePretrainModel:
    """Its model, as what it is."""
    assert isinstance(pipeline.model, CondensePretrainModel)
    return pipeline.model


def losses_of(trainer: Trainer, first: int, last: int) -> list[dict[str, float]]:
    """Train from one step to before another; the losses of each."""
    found = []
    for step in range(first, last):
        _, losses, _ = trainer.train_iteration(step)
        found.append({name: float(loss) for name, loss in losses.items()})
    return found


def weights_of(pipeline: CrossScenePipeline) -> dict[str, torch.Tensor]:
    """Copies of all weights of its networks."""
    state = model_of(pipeline).network.state_dict()
    return {name: value.clone() for name, value in state.items()}
