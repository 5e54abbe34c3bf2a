"""Processes that train together on CPU, as nerfstudio's launcher starts them on GPUs."""

import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch
from nerfstudio.engine.trainer import Trainer

RANKS = 2


def run_together(work: Callable[[int], Any], folder: Path) -> NoReturn:
    """Do work in `RANKS` processes that know each other, and exit as the worst of them does.

    Args:
        work: takes the number of its process; what it answers is saved.
        folder: gets ``rank<i>.pt``.
    """
    together = multiprocessing.get_context("fork")  # what was imported need not be imported again
    processes = [
        together.Process(target=_run_rank, args=(rank, work, folder)) for rank in range(RANKS)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(abs(process.exitcode or 0) for process in processes))


def _run_rank(rank: int, work: Callable[[int], Any], folder: Path) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=RANKS
    )
    torch.save(work(rank), folder / f"rank{rank}.pt")
    torch.distributed.destroy_process_group()


def noted_losses(trainer: Trainer) -> list[dict[str, float]]:
    """A list that gets the losses of each step that the trainer makes from now on."""
    losses: list[dict[str, float]] = []
    iterate = trainer.train_iteration

    def noted_iteration(step: int) -> Any:
        found = iterate(step)
        losses.append({name: float(loss) for name, loss in found[1].items()})
        return found

    trainer.train_iteration = noted_iteration
    return losses
