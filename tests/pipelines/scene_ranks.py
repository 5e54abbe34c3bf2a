"""Two processes that train a method of one scene together.

``python -m tests.pipelines.scene_ranks <method> <scene> <folder> [folder of checkpoints]`` leaves
``rank<i>.pt`` in the folder.
"""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.scripts.train import _set_random_seed

from tests.pipelines.gloo_ranks import RANKS, noted_losses, run_together
from tests.sparse_run import small_sparse_config, sparse_pipeline_config
from tests.training import COLOURS, GREYS, feature_pipeline, small_config

STEPS = 3


def dense_config(scene: Path, output: Path) -> TrainerConfig:
    """condense-dense with two encoders."""
    return small_config(scene, output, (COLOURS, GREYS))


def sparse_config(scene: Path, output: Path) -> TrainerConfig:
    """condense-sparse with a pair of views at every other step."""
    config = small_sparse_config(scene, output)
    sparse_pipeline_config(config).keypoint_every = 2
    return config


METHODS = {"condense-dense": dense_config, "condense-sparse": sparse_config}


def model_weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Copies of everything in its model."""
    state = feature_pipeline(trainer).model.state_dict()
    return {name: value.clone() for name, value in state.items()}


def run_rank(
    rank: int, method: str, scene: Path, folder: Path, load_dir: Path | None
) -> dict[str, Any]:
    """Train as the host does; the losses of each step, weights before and after."""
    config = METHODS[method](scene, folder / f"rank{rank}")
    config.max_num_iterations, config.load_dir = STEPS, load_dir
    _set_random_seed(config.machine.seed + rank)
    trainer = config.setup(local_rank=rank, world_size=RANKS)
    trainer.setup()
    losses, before = noted_losses(trainer), model_weights(trainer)
    trainer.train()
    return {"losses": losses, "before": before, "weights": model_weights(trainer)}


if __name__ == "__main__":
    scene, folder, *loaded = map(Path, sys.argv[2:])
    load_dir = loaded[0] if loaded else None
    work = partial(run_rank, method=sys.argv[1], scene=scene, folder=folder, load_dir=load_dir)
    run_together(work, folder)
