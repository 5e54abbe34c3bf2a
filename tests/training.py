"""Training in this process, with a model small enough for a test."""

from pathlib import Path
from typing import Any

import torch
from nerfstudio.data.datamanagers.base_datamanager import VanillaDataManager
from nerfstudio.engine.callbacks import TrainingCallbackLocation
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.scripts.train import _set_random_seed

from condense_ns.methods import condense_dense_tiny
from condense_ns.pipelines.feature_pipeline import FeaturePipeline, FeaturePipelineConfig

COLOUR_NETWORK = """
import torch

def network():
    layer = torch.nn.Conv2d(3, 3, 4, stride=4, bias=False)
    layer.weight.data = (torch.eye(3)[:, :, None, None] / 16).expand(3, 3, 4, 4).clone()
    return layer

def grey_network():
    layer = torch.nn.Conv2d(3, 2, 8, stride=8, bias=False)
    layer.weight.data = torch.full((2, 3, 8, 8), 1 / 192)
    return layer

def surroundings():
    layer = torch.nn.Conv2d(3, 27, 12, stride=4, padding=4, bias=False)
    weights = torch.zeros(3, 3, 3, 3, 12, 12)
    for row in range(3):
        for column in range(3):
            for colour in range(3):
                patch = weights[row, column, colour, colour]
                patch[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 1 / 16
    layer.weight.data = weights.flatten(0, 2)
    return layer
"""
"""A module whose `network` answers mean colours of 4 x 4 patches, `surroundings` of nine of them."""

COLOURS, GREYS = "torch:colour_network:network", "torch:colour_network:grey_network"
SURROUNDINGS = "torch:colour_network:surroundings"


def small_config(
    scene: Path,
    output: Path,
    encoders: tuple[str, ...] = (COLOURS,),
    preset: TrainerConfig | None = None,
) -> TrainerConfig:
    """A preset, condense-dense-tiny if None, with fewer rays and smaller grids, saved below `output`."""
    config = preset or condense_dense_tiny()
    config.vis = "tensorboard"
    config.output_dir, config.experiment_name, config.timestamp = output, "test", "run"
    pipeline = pipeline_config(config)
    pipeline.encoders = encoders
    config.data = pipeline.datamanager.data = scene
    pipeline.datamanager.feature_store = output / "features"
    pipeline.datamanager.train_num_rays_per_batch = 256
    model = pipeline.model
    model.num_levels = model.feature_num_levels = 4
    model.log2_hashmap_size = model.feature_log2_hashmap_size = 12
    model.num_proposal_samples_per_ray, model.num_nerf_samples_per_ray = (24, 12), 12
    model.average_init_density = 0.1  # few and smooth pictures: more of it sticks to the cameras
    for name, value in {"log2_hashmap_size": 10, "num_levels": 3}.items():
        for arguments in model.proposal_net_args_list:
            arguments[name] = value
    return config


def pipeline_config(config: TrainerConfig) -> FeaturePipelineConfig:
    """Its pipeline, as what it is."""
    assert isinstance(config.pipeline, FeaturePipelineConfig)
    return config.pipeline


def feature_pipeline(trainer: Trainer) -> FeaturePipeline:
    """Its pipeline, as what it is."""
    assert isinstance(trainer.pipeline, FeaturePipeline)
    return trainer.pipeline


def prepared(config: TrainerConfig) -> Trainer:
    """A trainer that is ready for its first step, with its config on disk."""
    _set_random_seed(config.machine.seed)
    trainer = config.setup(local_rank=0, world_size=1)
    config.save_config()
    trainer.setup()
    trainer.pipeline.train()
    return trainer


def train(trainer: Trainer, steps: int) -> dict[str, float]:
    """Run steps and save a checkpoint; the losses of the last step."""
    torch.manual_seed(0)
    losses: dict[str, Any] = {}
    for step in range(steps):
        for callback in trainer.callbacks:
            callback.run_callback_at_location(step, TrainingCallbackLocation.BEFORE_TRAIN_ITERATION)
        _, losses, _ = trainer.train_iteration(step)
        for callback in trainer.callbacks:
            callback.run_callback_at_location(step, TrainingCallbackLocation.AFTER_TRAIN_ITERATION)
    data = trainer.pipeline.datamanager
    assert isinstance(data, VanillaDataManager)
    data.train_dataparser_outputs.save_dataparser_transform(
        trainer.base_dir / "dataparser_transforms.json"
    )
    trainer.save_checkpoint(steps - 1)
    return {name: float(value) for name, value in losses.items()}
