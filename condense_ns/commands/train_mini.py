"""`condense train-mini`: make the shipped encoder `mini` anew, from made-up scenes alone."""

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path


@dataclass
class TrainMini:
    """Train the encoder `mini` on made-up scenes and write it with its figures.

    A run that was killed goes on where it was, if started again with the same options. Without
    --output-dir the shipped weights are replaced.
    """

    work_dir: Path = Path("mini_training")
    """Folder for photographs (83 KB each with the truth of its pixels) and the checkpoint."""
    output_dir: Path | None = None
    """Folder for the encoder; None for that of the package, from where `mini` is loaded."""
    scenes: int = 2000
    """Made-up scenes to train on."""
    views: int = 6
    """Photographs of each."""
    held_out_scenes: int = 40
    """Made-up scenes to measure quality on."""
    calibration_scenes: int = 20
    """Made-up scenes to fit the inverse temperature on."""
    steps: int = 20_000
    """Batches after which training ends."""
    minutes: float | None = None
    """Minutes of training after which it ends, if that is earlier; the schedule fits itself to it."""
    batch: int = 32
    """Crops of 96 x 96 pixels in a step."""
    learning_rate: float = 1.5e-3
    """At its largest."""
    seed: int = 0
    """Of the first weights, the crops and the words."""
    workers: int = 2
    """Processes that render photographs; 0 renders in this one."""
    device: str = "cpu"
    """Where to train, for example cpu or cuda:0."""

    def main(self) -> None:
        """Render, train, write, calibrate, measure."""
        from rich.console import Console

        from condense_ns.encoders.mini import MINI_FOLDER
        from condense_ns.mini_training.mini_run import MiniPlans, run_mini
        from condense_ns.mini_training.photographs import (
            CALIBRATION_SEED,
            HELD_OUT_SEED,
            TRAINING_SEED,
            PhotographPlan,
            photographs_of,
        )
        from condense_ns.mini_training.training import TrainingSettings
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        folder = MINI_FOLDER if self.output_dir is None else self.output_dir
        self._check(folder)
        keep_large_buffers()
        settings = TrainingSettings(
            steps=self.steps,
            minutes=self.minutes,
            batch=self.batch,
            learning_rate=self.learning_rate,
            seed=self.seed,
        )
        plans = MiniPlans(
            PhotographPlan(TRAINING_SEED, self.scenes, self.views),
            PhotographPlan(HELD_OUT_SEED, self.held_out_scenes, self.views),
            PhotographPlan(CALIBRATION_SEED, self.calibration_scenes, self.views),
        )
        photograph = partial(photographs_of, workers=self.workers)
        record = run_mini(
            self.work_dir, folder, plans, settings, self.device, photograph=photograph
        )
        write_json(folder / "training.json", {"command": self._command(), **provenance(), **record})
        console = Console()
        for name, value in record["quality"].items():
            console.print(f"{name:>45} {value:.3f}")
        console.print(f"encoder and training.json written to {folder}")

    def _command(self) -> str:
        """What makes the same encoder: the options that differ from their defaults, but where and how."""
        changed = [
            f" --{option.name.replace('_', '-')} {getattr(self, option.name)}"
            for option in fields(self)
            if option.name not in ("work_dir", "output_dir", "workers", "device")
            and getattr(self, option.name) != option.default
        ]
        return "condense train-mini" + "".join(changed)

    def _check(self, folder: Path) -> None:
        from condense_ns.encoders import check_device
        from condense_ns.errors import UserError
        from condense_ns.whole_files import check_output_folder

        counts = ("scenes", "views", "held_out_scenes", "calibration_scenes", "steps", "batch")
        for name in counts:
            if getattr(self, name) < 1:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is {getattr(self, name)}, it must be 1 or more")
        if self.minutes is not None and self.minutes <= 0:
            raise UserError(f"--minutes is {self.minutes}, it must be more than 0")
        if not 0 < self.learning_rate < float("inf"):
            raise UserError(f"--learning-rate is {self.learning_rate}, it must be more than 0")
        if self.workers < 0:
            raise UserError(f"--workers is {self.workers}, it must be 0 or more")
        check_device(self.device)
        check_output_folder(self.work_dir, "--work-dir")
        check_output_folder(folder, "--output-dir")
