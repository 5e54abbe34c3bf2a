"""`condense demo`: what this package does, shown in minutes, with nothing given."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from condense_ns.report.words import Table


@dataclass
class Demo:
    """Make a scene up, train condense-dense on it, ask it in words, measure, write a page of pictures.

    Needs no data, network or GPU: about six minutes on two CPU cores. Started again after an
    interruption, it goes on where it was.
    """

    output_dir: Path = Path("condense_demo")
    """Folder for the scenes, the runs, report.html and poster.webp, all of it in one picture."""
    seeds: tuple[int, ...] = (0,)
    """Of the scenes; with several, figures are mean and spread over them. Pictures show the first."""
    steps: int = 900
    """Of each training."""
    encoder: str = "mini"
    """2D encoder to lift; it must understand words."""

    def main(self) -> None:
        """Run everything that has not run yet."""
        self._check()
        warnings.simplefilter("ignore")  # the host's own, dozens of lines
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from condense_ns.demo.demo_page import demo_page
        from condense_ns.demo.demo_poster import write_poster
        from condense_ns.demo.demo_run import Demonstration, DemoPlan
        from condense_ns.demo.demo_tables import (
            consistency_table,
            seconds_table,
            segmentation_table,
        )
        from condense_ns.report.page import write_page

        plan = DemoPlan(self.output_dir, self.seeds, self.encoder, self.steps)
        columns = (TextColumn("{task.description:<32}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            demonstration = Demonstration(plan, progress)
            results = [demonstration.result(seed) for seed in self.seeds]
            task = progress.add_task("report", total=2)
            pictures = demonstration.pictures(self.seeds[0], results[0].config)
            progress.update(task, completed=1)
            page = demo_page(plan, results, pictures)
            write_page(page, self.output_dir / "report.html")
            write_poster(pictures.views[0], self.output_dir / "poster.webp")
            progress.update(task, completed=2)
        console = Console()
        for table in (segmentation_table, consistency_table, seconds_table):
            show(table(results), console)
        console.print(f"the page: {self.output_dir / 'report.html'}", soft_wrap=True)

    def _check(self) -> None:
        from condense_ns.errors import UserError

        if not self.seeds or len(set(self.seeds)) < len(self.seeds) or min(self.seeds) < 0:
            raise UserError(f"--seeds are {self.seeds}; give different numbers from 0")
        if self.steps < 1:
            raise UserError(f"--steps is {self.steps}, it must be 1 or more")


def show(table: "Table", console: "Console") -> None:
    """Print a table of the page."""
    from rich.table import Table as Printed

    printed = Printed(*table.header, title=table.title, title_justify="left", caption=table.text)
    for row in table.rows:
        printed.add_row(*row)
    console.print(printed)
