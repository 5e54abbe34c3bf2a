"""Trainings that a benchmark starts for itself and that leave nothing behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from nerfstudio.engine.callbacks import TrainingCallbackLocation
from nerfstudio.engine.trainer import Trainer
from nerfstudio.utils import writer


@contextmanager
def training_folder() -> Iterator[Path]:
    """A folder for what the host writes; afterwards it is gone, and the host's writers into it are, too.

    The host keeps its writers for as long as the process lives and lets all of them write in every
    later training.
    """
    before = list(writer.EVENT_WRITERS)
    try:
        with TemporaryDirectory() as folder:
            yield Path(folder)
    finally:
        writer.EVENT_WRITERS[:] = before


def run_step(trainer: Trainer, step: int) -> None:
    """One step of the host's loop, callbacks included."""
    for callback in trainer.callbacks:
        callback.run_callback_at_location(step, TrainingCallbackLocation.BEFORE_TRAIN_ITERATION)
    trainer.train_iteration(step)
    for callback in trainer.callbacks:
        callback.run_callback_at_location(step, TrainingCallbackLocation.AFTER_TRAIN_ITERATION)
