"""`condense bench`: time, memory and quality, as tables and as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro
from rich.console import Console
from rich.table import Table

from condense_ns.commands.bench_downstream import BenchDownstream
from condense_ns.commands.bench_index import BenchIndex
from condense_ns.commands.bench_keypoints import BenchKeypoints
from condense_ns.commands.bench_lift import BenchLift
from condense_ns.commands.bench_pretrain import BenchPretrain
from condense_ns.commands.bench_probe2d import BenchProbe2d
from condense_ns.commands.bench_probe3d import BenchProbe3d
from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file


@dataclass
class BenchDense:
    """Measure time and memory of condense-dense on this machine.

    (a) its training step against nerfacto's, (b) extraction against
    the bare encoder, (c) memory of the feature store with 50 and 2,000 maps, (d) a query over a
    million features.
    """

    data: Path
    """Scene folder, as for ns-train."""
    encoders: tuple[str, ...]
    """Encoders, as for ns-train."""
    presets: tuple[str, ...] = ("condense-dense-tiny", "condense-dense")
    """Methods whose step is timed."""
    steps: int = 20
    """Timed steps of each."""
    output_path: Path = Path("condense_bench_dense.json")
    """JSON file for the figures."""

    def main(self) -> None:
        """Measure, print, write."""
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        self._check()
        figures = self._figures()
        write_json(self.output_path, {**provenance(), "benchmark": "dense", **figures})
        console = Console()
        table = Table("what", "figure", "value", title="condense bench dense")
        for what, values in figures.items():
            for name, value in _flat(values):
                table.add_row(what, name, f"{value:,.3f}".rstrip("0").rstrip("."))
        console.print(table)
        console.print(f"figures written to {self.output_path}")

    def _figures(self) -> dict[str, Any]:
        from condense_ns.benchmarks.extraction_throughput import extraction_throughput
        from condense_ns.benchmarks.relevancy_speed import relevancy_speed
        from condense_ns.benchmarks.scene_sources import scene_sources
        from condense_ns.benchmarks.step_time import step_time
        from condense_ns.benchmarks.store_memory import store_memory
        from condense_ns.encoders import build_encoder

        sources = scene_sources(self.data)
        encoders = {spec: build_encoder(spec) for spec in self.encoders}
        figures: dict[str, Any] = {"relevancy": relevancy_speed(), "memory": store_memory()}
        for spec, encoder in encoders.items():
            figures[f"extraction {spec}"] = extraction_throughput(encoder, sources)
        for preset in self.presets:
            figures[f"step {preset}"] = step_time(self.data, self.encoders, preset, self.steps)
        return figures

    def _check(self) -> None:
        from condense_ns.benchmarks.step_time import PRESETS

        check_output_file(self.output_path)
        if not self.encoders:
            raise UserError("no encoder given; name at least one with --encoders")
        for preset in self.presets:
            if preset not in PRESETS:
                known = ", ".join(PRESETS)
                raise UserError(f"unknown preset {preset!r}; --presets may be {known}")
        if self.steps < 1:
            raise UserError(f"--steps is {self.steps}; it must be 1 or more")


def _flat(values: dict[str, Any]) -> list[tuple[str, float]]:
    """Names and numbers of a dictionary of numbers or of dictionaries of numbers."""
    rows = []
    for name, value in values.items():
        inner = value.items() if isinstance(value, dict) else [("", value)]
        rows += [(f"{name} {key}".strip(), number) for key, number in inner]
    return rows


Benches = (
    Annotated[BenchDense, tyro.conf.subcommand(name="dense")]
    | Annotated[BenchDownstream, tyro.conf.subcommand(name="downstream")]
    | Annotated[BenchIndex, tyro.conf.subcommand(name="index")]
    | Annotated[BenchKeypoints, tyro.conf.subcommand(name="keypoints")]
    | Annotated[BenchLift, tyro.conf.subcommand(name="lift")]
    | Annotated[BenchPretrain, tyro.conf.subcommand(name="pretrain")]
    | Annotated[BenchProbe2d, tyro.conf.subcommand(name="probe2d")]
    | Annotated[BenchProbe3d, tyro.conf.subcommand(name="probe3d")]
)
"""One subcommand each; every member has a `main`."""
