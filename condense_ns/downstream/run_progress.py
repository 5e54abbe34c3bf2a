"""What is seen of a run: a bar, and curves in TensorBoard."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from condense_ns.downstream.task_training import TaskTrainer
from condense_ns.errors import UserError

_CURVE_EVERY = 10  # steps


class RunProgress:
    """A bar on the terminal and an event file in the run's folder.

    Args:
        folder: of the run.

    Raises:
        UserError: on entering, the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        self._bar = Progress(*columns, refresh_per_second=2, transient=True)
        self._task = self._bar.add_task(folder.name, total=None)

    def __enter__(self) -> "RunProgress":
        from torch.utils.tensorboard import SummaryWriter

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._writer = SummaryWriter(str(self._folder))
        except OSError as error:
            raise UserError(
                f"{self._folder} cannot be written ({error.strerror}); choose another --out"
            ) from error
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._writer.close()

    def say(self, what: str) -> None:
        """What is going on."""
        self._bar.update(self._task, description=f"{self._folder.name}: {what}")

    def begin_training(self, steps: int) -> None:
        """From now on the bar shows steps."""
        self._bar.update(self._task, total=steps, completed=0)

    def step(self, trainer: TaskTrainer) -> None:
        """One step is done."""
        rate = trainer.steps / max(trainer.seconds, 1e-9)
        self.say(f"step {trainer.steps} loss {trainer.recent:.3f} ({rate:.1f} steps/s)")
        self._bar.update(self._task, completed=trainer.steps)
        if trainer.steps % _CURVE_EVERY == 0 or trainer.steps == trainer.all_steps:
            self._writer.add_scalar("training/loss", trainer.recent, trainer.steps)
            rate = trainer.optimiser.param_groups[0]["lr"]
            self._writer.add_scalar("training/learning_rate", rate, trainer.steps)

    def scoring(self, clouds: int) -> Callable[[int], None]:
        """What is called with the number of clouds that have been scored."""
        self.say("scoring")
        self._bar.update(self._task, total=clouds, completed=0)
        return lambda done: self._bar.update(self._task, completed=done)

    def write_figures(self, step: int, figures: dict[str, float]) -> None:
        """Figures of the test split."""
        for name, value in figures.items():
            self._writer.add_scalar(f"test/{name}", value, step)
