"""Two processes that train a method together on CPU, as nerfstudio's launcher starts them on GPUs.

``python -m tests.pipelines.training_ranks <method> <list of scenes> <folder>`` leaves ``rank<i>.pt`` in the folder.
"""

import multiprocessing
import sys
from pathlib import Path
from typing import Any

import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.scripts.train import _set_random_seed

from tests.lift_run import lift_pipeline, lift_pipeline_config, small_lift_config
from tests.pretrain_run import small_pretrain_config

RANKS, STEPS = 2, 3
METHODS = {"lift3d": small_lift_config, "condense-pretrain": small_pretrain_config}


def config_of(method: str, scenes: Path, output: Path, examples_per_step: int) -> TrainerConfig:
    """What all processes train, with a feature store of their own."""
    config = METHODS[method](scenes, output, steps=STEPS)
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
    losses, scenes = [], []
    iterate, draw = trainer.train_iteration, pipeline.datamanager.next_train

    def noted_iteration(step: int) -> Any:
        found = iterate(step)
        losses.append({name: float(loss) for name, loss in found[1].items()})
        return found

    def noted_draw(step: int) -> Any:
        cameras, batch = draw(step)
        scenes.append([example.scene for example in batch["examples"]])
        return cameras, batch

    trainer.train_iteration, pipeline.datamanager.next_train = noted_iteration, noted_draw
    trainer.train()
    return {"losses": losses, "scenes": scenes, "weights": network_weights(trainer)}


def network_weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Copies of all weights of its network."""
    network = lift_pipeline(trainer).model.network
    assert isinstance(network, torch.nn.Module)
    return {name: value.clone() for name, value in network.state_dict().items()}


def run_rank(rank: int, method: str, scenes: Path, folder: Path) -> None:
    """One of the processes."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=RANKS
    )
    found = record(config_of(method, scenes, folder / f"rank{rank}", 1), rank, RANKS)
    torch.save(found, folder / f"rank{rank}.pt")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    together = multiprocessing.get_context("fork")  # what was imported need not be imported again
    processes = [
        together.Process(
            target=run_rank, args=(rank, sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
        )
        for rank in range(RANKS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(abs(process.exitcode or 0) for process in processes))
