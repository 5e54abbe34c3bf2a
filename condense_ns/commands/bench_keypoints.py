"""`condense bench keypoints`: what each loss of keypoints is good for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from condense_ns.errors import UserError
from condense_ns.whole_files import check_output_file

Loss = Literal[
    "contrast", "repeatability", "prior", "peakedness", "consistency", "reliability", "place"
]


@dataclass
class BenchKeypoints:
    """Train keypoints on a run's geometry with all losses and without each, and measure them.

    Prints for every row how many keypoints two held-out photographs share (repeatability at 1, 3 and
    5 px of 640, matching score at 3 px) and where held-out photographs were taken, by a set of the run's
    scene. The rows are trained shortly and alike; a last row with all losses and another seed tells how
    much of a difference is chance.
    """

    load_config: Path
    """config.yml of a run of condense-sparse."""
    losses: tuple[Loss, ...] = (
        "contrast",
        "repeatability",
        "prior",
        "peakedness",
        "consistency",
        "reliability",
        "place",
    )
    """Losses that are left out, one at a time."""
    steps: int = 325
    """Pairs of views that each row learns from; condense-sparse-tiny has as many."""
    rays: int = 64
    """Rays of each step, for features, which keypoints do not depend on."""
    count: int = 1024
    """Keypoints of the scene."""
    again: bool = True
    """Train a last row with all losses and another seed."""
    output_path: Path = Path("condense_bench_keypoints.json")
    """JSON file for the figures, written after every row."""

    def main(self) -> None:
        """Train, measure, print, write."""
        from rich.console import Console

        from condense_ns.benchmarks.keypoint_ablation import Schedule, ablation
        from condense_ns.commands.evaluate import show_rows
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        check_output_file(self.output_path)
        if min(self.steps, self.rays, self.count) < 1:
            raise UserError("--steps, --rays and --count must be at least 1")
        console = Console()
        schedule = Schedule(self.steps, self.rays, self.count)
        about = {**provenance(), "benchmark": "keypoints", "run": str(self.load_config)}
        about |= {"steps": self.steps, "rays": self.rays, "count": self.count}
        rows: dict[str, dict[str, float]] = {}
        for name, figures in ablation(self.load_config, self.losses, schedule, self.again):
            rows[name] = figures
            write_json(self.output_path, {**about, "rows": rows})
            console.print(f"{name}: done")
        show_rows(f"{self.count} keypoints, {self.steps} pairs of views", rows, console)
        console.print(f"figures written to {self.output_path}")
