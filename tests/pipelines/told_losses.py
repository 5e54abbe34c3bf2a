"""A training over many scenes in a process of its own, which tells the losses of each step.

``python -m tests.pipelines.told_losses <method> <list of scenes> <folder> [folder of checkpoints]`` trains as
the host does, from the latest of the checkpoints if there are any, saves below the folder, and prints
``losses`` with the number of the step and its losses as JSON after every step.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.scripts.train import _set_random_seed

from tests.pipelines.training_ranks import METHODS
from tests.pretrain_run import model_settings

STEPS, SAVED_EVERY, EVALUATED_EVERY = 20, 6, 4
WORD = "losses "


def config_of(method: str, scenes: Path, output: Path) -> TrainerConfig:
    """What is trained, for every objective there is; it is saved and evaluated now and then."""
    config = METHODS[method](scenes, output, ("mini",), STEPS)
    config.steps_per_save = SAVED_EVERY
    config.steps_per_eval_batch = config.steps_per_eval_image = EVALUATED_EVERY
    config.logging.local_writer.enable = False  # it draws over lines that were printed
    if method == "condense-pretrain":
        model_settings(config).objectives = ("condense", "mvnet", "sparse", "language")
    return config


def train(config: TrainerConfig) -> None:
    """Train until `STEPS` steps are done, those before the checkpoint among them."""
    _set_random_seed(config.machine.seed)
    trainer: Trainer = config.setup(local_rank=0, world_size=1)
    config.save_config()
    trainer.setup()
    config.max_num_iterations = STEPS - trainer._start_step  # the host counts from the checkpoint
    iterate = trainer.train_iteration

    def told_iteration(step: int) -> Any:
        found = iterate(step)
        losses = {name: float(loss) for name, loss in found[1].items()}
        print(WORD + json.dumps([step, losses]), flush=True)  # noqa: T201
        return found

    trainer.train_iteration = told_iteration
    trainer.train()


if __name__ == "__main__":
    torch.set_num_threads(1)
    method, (scenes, folder, *loaded) = sys.argv[1], map(Path, sys.argv[2:])
    config = config_of(method, scenes, folder)
    config.load_dir = loaded[0] if loaded else None
    train(config)
