"""`condense bench downstream`: what 3D backbones are worth, beside random and untrained ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from condense_ns.commands.backbone_files import check_backbones
from condense_ns.commands.downstream_options import DownstreamOptions, run_name
from condense_ns.commands.probe import FINETUNING_RATE, PROBING_RATE
from condense_ns.errors import UserError

if TYPE_CHECKING:
    from condense_ns.downstream.task_run import RunPlan


@dataclass
class BenchDownstream:
    """Compare 3D backbones on tasks, with few and with all labels.

    Every file is probed and fine-tuned; random is probed, scratch is trained as a whole. Prints for each
    task the mean ± standard deviation over seeds. Each run has a folder below --out and is not done again.
    """

    backbones: tuple[str, ...]
    """Files of condense-pretrain, shipped (the one that comes with the package), random, scratch."""
    tasks: tuple[Literal["classify", "parts", "segment", "detect"], ...] = (
        "classify",
        "parts",
        "segment",
        "detect",
    )
    """What to compare them on."""
    data: str = "synthetic"
    """As for condense probe; used for every task."""
    labels: tuple[float, ...] = (1.0, 10.0, 100.0)
    """Percent of the training clouds whose labels are used."""
    seeds: int = 3
    """Runs of each kind."""
    modes: tuple[Literal["frozen", "adapters", "encoder", "all"], ...] = ("frozen", "all")
    """How files are used: frozen and adapters are probes, encoder and all are fine-tuned."""
    head: Literal["linear", "mlp", "decoder"] | None = None
    """As for condense probe."""
    probe_steps: int = 1000
    """Batches of a probe."""
    finetune_steps: int = 400
    """Batches where the backbone learns."""
    probe_batch: int = 16
    """Clouds of a batch of a probe."""
    finetune_batch: int = 8
    """Clouds of a batch where the backbone learns."""
    preset: Literal["S", "M", "L"] = "S"
    """Size of backbones that are drawn; take that of the files."""
    input_adapter: Literal["points", "depth", "radiance"] = "points"
    """Which of the backbones' input adapters reads the clouds."""
    out: Path = Path("downstream")
    """Folder for the runs."""
    output_path: Path = Path("condense_bench_downstream.json")
    """JSON file for the figures."""
    device: str = "cpu"
    """Where to compute, e.g. cuda."""

    def main(self) -> None:
        """Run what is missing, print, write."""
        from condense_ns.pipelines.host_memory import keep_large_buffers
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        self._check()
        keep_large_buffers()
        found = {task: self._rows(task) for task in self.tasks}
        write_json(self.output_path, {**provenance(), "benchmark": "downstream", "rows": found})
        for task, rows in found.items():
            print_task(task, self.data, rows)

    def _rows(
        self, task: Literal["classify", "parts", "segment", "detect"]
    ) -> list[dict[str, Any]]:
        from condense_ns.downstream.comparison import plans_of
        from condense_ns.downstream.data_sets import task_data
        from condense_ns.downstream.prepared_split import PreparedData
        from condense_ns.downstream.task_run import run_task

        data = task_data(self.data, task)
        probing = self._common(task, "frozen", self.probe_steps, self.probe_batch)
        finetuning = self._common(task, "all", self.finetune_steps, self.finetune_batch)
        clouds = PreparedData(data, probing.preparation)
        plans = plans_of(self.backbones, self.modes, self.labels, self.seeds, probing, finetuning)
        return [
            run_task(
                data, plan, self.out / run_name(task, self.data, plan), self.device, clouds=clouds
            )
            for plan in plans
        ]

    def _common(
        self,
        task: Literal["classify", "parts", "segment", "detect"],
        mode: Literal["frozen", "all"],
        steps: int,
        batch: int,
    ) -> "RunPlan":
        options = DownstreamOptions(
            task=task,
            backbone="",
            head=self.head,
            steps=steps,
            batch=batch,
            preset=self.preset,
            input_adapter=self.input_adapter,
        )
        return options.plan(mode, PROBING_RATE if mode == "frozen" else FINETUNING_RATE)

    def _check(self) -> None:
        from condense_ns.encoders import check_device
        from condense_ns.whole_files import check_output_file, check_output_folder

        check_output_file(self.output_path)
        check_output_folder(self.out, "--out")
        check_device(self.device)
        for name in ("seeds", "probe_steps", "finetune_steps", "probe_batch", "finetune_batch"):
            if getattr(self, name) < 1:
                option = name.replace("_", "-")
                raise UserError(f"--{option} is {getattr(self, name)}; it must be 1 or more")
        for name in ("tasks", "labels", "modes"):
            if not getattr(self, name):
                raise UserError(f"--{name} is empty; give at least one")
        check_backbones(self.backbones, drawn=("random", "scratch"))


def print_task(task: str, data: str, rows: list[dict[str, Any]]) -> None:
    """A table for every figure of a task."""
    from rich.console import Console
    from rich.table import Table

    from condense_ns.downstream.comparison import table_of

    console = Console(highlight=False)
    for figure in rows[0]["figures"] if rows else ():
        cells = table_of(rows, figure)
        labelled = {share: cell.labelled for row in cells.values() for share, cell in row.items()}
        heads = [f"{share:g} % ({count})" for share, count in sorted(labelled.items())]
        table = Table(figure, *heads, title=f"{task} on {data}, labels")
        for name, shares in cells.items():
            table.add_row(name, *(str(shares.get(share, "")) for share in sorted(labelled)))
        console.print(table)
