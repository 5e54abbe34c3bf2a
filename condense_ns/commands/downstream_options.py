"""What `condense probe` and `condense finetune` have in common."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from condense_ns.errors import UserError

if TYPE_CHECKING:
    from condense_ns.downstream.backbone_choice import Mode
    from condense_ns.downstream.task_run import RunPlan


@dataclass
class DownstreamOptions:
    """A task, its data, a backbone."""

    task: Literal["classify", "parts", "segment", "detect"]
    """Classes of shapes, parts of shapes, classes of points in scenes, or boxes around things."""
    backbone: str
    """A .safetensors file of condense-pretrain, or shipped, the one that comes with the package; random (for
    probe: drawn, never trained) or scratch (for finetune: drawn, all of it trained)."""
    data: str = "synthetic"
    """synthetic, or <name>:<folder>[?option=value]; an unknown name tells those that there are."""
    labels: float = 100.0
    """Percent of the training clouds whose labels are used."""
    seed: int = 0
    """Of drawn weights, of the labels that are used, of batches."""
    head: Literal["linear", "mlp", "decoder"] | None = None
    """What reads the backbone's latents; None is linear."""
    steps: int = 1000
    """Batches."""
    batch: int = 16
    """Clouds of a batch."""
    learning_rate: float | None = None
    """At its largest; None chooses it on a fifth of the training clouds where the backbone is frozen, and
    is 0.001 otherwise."""
    voxel_size: float | None = None
    """Edge of a voxel in the clouds' units; None is the data set's own."""
    resolution: int = 32
    """Voxels along the longest side of shapes without a size of their own."""
    scale: float = 1.0
    """What coordinates are multiplied with: 0.001 for millimetres."""
    input_adapter: Literal["points", "depth", "radiance"] = "points"
    """Which of the backbone's input adapters reads the clouds."""
    preset: Literal["S", "M", "L"] = "S"
    """Size of a backbone that is drawn."""
    out: Path = Path("downstream")
    """Folder for the runs, one folder each; a run that was killed goes on where it was."""
    device: str = "cpu"
    """Where to compute, e.g. cuda."""

    def plan(self, mode: "Mode", default_rate: float) -> "RunPlan":
        """What is to be run.

        Raises:
            UserError: an option that makes no sense.
        """
        from condense_ns.downstream.prepared_cloud import Preparation
        from condense_ns.downstream.task_run import RunPlan
        from condense_ns.downstream.task_training import TrainingSettings

        self._check()
        rate = self.learning_rate
        return RunPlan(
            backbone=self.backbone,
            mode=mode,
            labels=self.labels,
            seed=self.seed,
            head=self.head,
            preset=self.preset,
            choose_rate=rate is None and mode == "frozen",
            preparation=Preparation(
                self.voxel_size, self.resolution, self.scale, self.input_adapter
            ),
            settings=TrainingSettings(
                steps=self.steps, batch=self.batch, learning_rate=rate or default_rate
            ),
        )

    def run(self, plan: "RunPlan") -> dict[str, Any]:
        """Run it and tell its figures; the row that was written."""
        from rich.console import Console

        from condense_ns.downstream.data_sets import task_data
        from condense_ns.downstream.task_run import PICTURE, ROW, run_task
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.whole_files import check_output_folder

        folder = self.out / run_name(self.task, self.data, plan)
        check_output_folder(folder, "--out")
        keep_large_buffers()
        row = run_task(task_data(self.data, self.task), plan, folder, self.device)
        console = Console(highlight=False)
        for name, value in row["figures"].items():
            console.print(f"{name:>20} {value:.3f}")
        console.print(
            f"{row['labelled_clouds']} labelled clouds, {row['test_clouds']} test clouds, "
            f"{row['seconds']:.0f} s of training; {ROW} and {PICTURE} in {folder}"
        )
        if row.get("untaught"):
            console.print(
                f"No cloud with labels shows {', '.join(row['untaught'])}: not learned; more --labels help"
            )
        return row

    def _check(self) -> None:
        from condense_ns.encoders import check_device

        check_device(self.device)
        for name, least in (("steps", 1), ("batch", 1), ("resolution", 2), ("seed", 0)):
            if getattr(self, name) < least:
                raise UserError(f"--{name} is {getattr(self, name)}; it must be {least} or more")
        for name in ("voxel_size", "scale", "learning_rate"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"--{name.replace('_', '-')} is {value}; it must be above 0")
        if not 0 < self.labels <= 100:
            raise UserError(
                f"--labels is {self.labels:g}; it must be above 0 and at most 100 percent"
            )


def run_name(task: str, data: str, plan: "RunPlan") -> str:
    """Folder of a run: what tells it from the others of a table."""
    name = data.partition(":")[0].partition("?")[0]
    backbone = Path(plan.backbone).stem
    return f"{task}-{name}-{backbone}-{plan.mode}-{plan.labels:g}-{plan.seed}"
