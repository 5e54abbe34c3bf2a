"""`condense eval`: a run's figures beside their rivals, as a table and as JSON."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from condense_ns.whole_files import check_output_file

COLUMNS = {
    "agreement": ("cos_c", "cosine", "r2", "coverage", "ours_on_same_cells"),
    "consistency": ("mvc", "rnd", "margin", "corr1", "pairs"),
}

SHORT = {
    "recall_5cm_5deg": "5cm 5\N{DEGREE SIGN}",
    "recall_2cm_2deg": "2cm 2\N{DEGREE SIGN}",
    "recall_5pct_5deg": "5% 5\N{DEGREE SIGN}",
    "recall_1pct_2deg": "1% 2\N{DEGREE SIGN}",
    "median_distance": "median",
    "median_percent": "med %",
    "median_degrees": "deg",
    "kilobytes": "kB",
    "seconds": "s",
    "repeated_1px": "1 px",
    "repeated_3px": "3 px",
    "repeated_5px": "5 px",
    "matching_score": "match",
}
"""Names of columns that must fit beside each other."""
LARGE = 30.0


@dataclass
class Evaluate:
    """Measure a run on its held-out views, beside its rivals.

    Agreement with the encoder (cos_c, R2) of the rendered features, of the mean feature, of the
    nearest training views' features warped by depth, of the encoder on the rendered image, and of the
    average over all views (hardly surpassed by what looks the same from everywhere); consistency
    between views of rendered features and of the encoder; depth error where the scene has depth
    images; what is where, by words, where it has annotations.json and the encoder a text tower.
    Of condense-sparse also: where held-out photographs were taken, by keypoint sets of several sizes and
    cheaper ones, and how many keypoints two photographs share.
    """

    load_config: Path
    """The run's config.yml."""
    output_path: Path | None = None
    """JSON file for the figures; None puts condense_eval.json beside the config."""

    def main(self) -> None:
        """Measure, print, write."""
        from condense_ns.pipelines.loaded_run import load_run
        from condense_ns.pipelines.run_evaluation import evaluate_run
        from condense_ns.report.json_file import write_json
        from condense_ns.report.provenance import provenance

        output = self.output_path or self.load_config.parent / "condense_eval.json"
        if self.output_path is not None:
            check_output_file(self.output_path)
        figures = evaluate_run(load_run(self.load_config))
        write_json(output, {**provenance(), "run": str(self.load_config), **figures})
        show(figures, Console())
        Console().print(f"figures written to {output}")


def show(figures: dict[str, Any], console: Console) -> None:
    """The figures of `evaluate_run` as tables."""
    console.print(", ".join(f"{name} {value:.3f}" for name, value in figures["image"].items()))
    for spec, found in figures["encoders"].items():
        for title, columns in COLUMNS.items():
            table = Table("", *columns, title=f"{title}, {spec}", title_justify="left")
            for row, values in found[title].items():
                cells = (f"{values[name]:.3f}" if name in values else "" for name in columns)
                table.add_row(row, *cells)
            console.print(table)
        inconsistency = {row: 1.0 - values["mvc"] for row, values in found["consistency"].items()}
        ratio = inconsistency["rendered"] / inconsistency["encoder"]
        console.print(f"(1 - mvc) of the rendered features / of the encoder: {ratio:.3f}")
        if found["annotated"]:
            show_annotated(found["annotated"], spec, console)
        if found["depth"]:
            depth = ", ".join(f"{name} {value:.4f}" for name, value in found["depth"].items())
            console.print(depth)
    for title, rows in figures.get("keypoints", {}).items():
        show_rows(title, rows, console)


def show_annotated(figures: dict[str, Any], spec: str, console: Console) -> None:
    """How well classes and things are found by their words."""
    show_rows(f"what is where, {spec}", figures["rows"], console)


def show_rows(title: str, rows: dict[str, dict[str, float]], console: Console) -> None:
    """A table of figures, a row each."""
    columns = tuple(next(iter(rows.values())))
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    table.add_column("", no_wrap=True)
    for name in columns:
        table.add_column(SHORT.get(name, name.replace("_", " ")), no_wrap=True, justify="right")
    for row, values in rows.items():
        table.add_row(row, *(_figure(values[name]) for name in columns))
    console.print(table)


def _figure(value: float) -> str:
    """Three decimals; none where there are hundreds of them."""
    return f"{value:.0f}" if abs(value) >= LARGE else f"{value:.3f}"
