"""Runs that end in a second."""

from dataclasses import replace
from pathlib import Path

from condense_ns.downstream.backbone_choice import Mode
from condense_ns.downstream.prepared_cloud import Preparation
from condense_ns.downstream.run_progress import RunProgress
from condense_ns.downstream.task_run import RunPlan
from condense_ns.downstream.task_training import TaskTrainer, TrainingSettings

SETTINGS = TrainingSettings(steps=4, batch=2, learning_rate=1e-2)


def tiny_plan(mode: Mode = "frozen", **changes) -> RunPlan:
    """A plan with few steps and coarse voxels."""
    backbone = "random" if mode in ("frozen", "adapters") else "scratch"
    plan = RunPlan(backbone, mode, preparation=Preparation(resolution=6), settings=SETTINGS)
    return replace(plan, **changes)


class KilledError(Exception):
    """What stops a run in the middle."""


class KilledAt(RunProgress):
    """A progress that stops the run after some steps.

    Args:
        folder: of the run.
        steps: after which the run ends.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        super().__init__(folder)
        self._steps = steps

    def step(self, trainer: TaskTrainer) -> None:
        """Count."""
        super().step(trainer)
        if trainer.steps > self._steps:
            raise KilledError
