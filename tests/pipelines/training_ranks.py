"""Two processes that train a method over many scenes together.

``python -m tests.pipelines.training_ranks <method> <list of scenes> <folder>`` leaves ``rank<i>.pt`` in the folder.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.scripts.train import _set_random_seed

from tests.lift_run import lift_pipeline, lift_pipeline_config, small_lift_config
from tests.pipelines.gloo_ranks import RANKS, noted_losses, run_together
from tests.pretrain_run import model_settings, small_pretrain_config

STEPS = 3
EPSILON = 1e-5
"""Of Adam; with the usual one it makes whole steps of what rounding leaves where gradients cancel."""
TAIL = "branch_2d.refiners.0."
"""Of the network's weights, the encoder's last blocks."""


def tuned_config(
    scenes: Path, output: Path, encoders: tuple[str, ...] = ("mini",), steps: int = STEPS
) -> TrainerConfig:
    """condense-pretrain with low-rank updates of an encoder's last blocks, in large steps."""
    config = small_pretrain_config(scenes, output, encoders, steps)
    model = model_settings(config)
    model.tuned_blocks, model.lora_rank = 2, 4
    config.optimizers["lora"]["optimizer"].lr = 1e-2
    return config


METHODS = {
    "lift3d": small_lift_config,
    "condense-pretrain": small_pretrain_config,
    "condense-pretrain-tuned": tuned_config,
}


def config_of(method: str, scenes: Path, output: Path, examples_per_step: int) -> TrainerConfig:
    """What all processes train, with a feature store of their own."""
    config = METHODS[method](scenes, output, steps=STEPS)
    for optimizer in config.optimizers.values():
        optimizer["optimizer"].eps = EPSILON
    data = lift_pipeline_config(config).datamanager
    data.examples_per_step, data.feature_store = examples_per_step, output / "features"
    return config


def record(config: TrainerConfig, rank: int = 0, world_size: int = 1) -> dict[str, Any]:
    """Train as the host does; the losses of each step, where its examples come from, the weights."""
    torch.set_num_threads(1)
    _set_random_seed(config.machine.seed + rank)
    trainer: Trainer = config.setup(local_rank=rank, world_size=world_size)
    trainer.setup()
    pipeline = lift_pipeline(trainer)
    losses, scenes = noted_losses(trainer), []
    draw = pipeline.datamanager.next_train

    def noted_draw(step: int) -> Any:
        cameras, batch = draw(step)
        scenes.append([example.scene for example in batch["examples"]])
        return cameras, batch

    pipeline.datamanager.next_train = noted_draw
    trainer.train()
    return {"losses": losses, "scenes": scenes, "weights": network_weights(trainer)}


def network_weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Copies of all weights of its network."""
    network = lift_pipeline(trainer).model.network
    assert isinstance(network, torch.nn.Module)
    return {name: value.clone() for name, value in network.state_dict().items()}


def run_rank(rank: int, method: str, scenes: Path, folder: Path) -> dict[str, Any]:
    """What one of the processes does."""
    return record(config_of(method, scenes, folder / f"rank{rank}", 1), rank, RANKS)


if __name__ == "__main__":
    scenes, folder = map(Path, sys.argv[2:])
    run_together(partial(run_rank, method=sys.argv[1], scenes=scenes, folder=folder), folder)
