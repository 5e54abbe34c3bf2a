"""The figures of a demonstration as tables, for the terminal and the page: mean and spread over scenes."""

from collections.abc import Callable, Sequence

from condense_ns.demo.demo_run import STAGES, SceneResult
from condense_ns.pipelines.annotated_views import FIELD, ON_PHOTOGRAPH, ROWS
from condense_ns.pipelines.annotation_evaluation import WITHOUT_LOOKING
from condense_ns.report.words import Table, best_cells, spread

COLUMNS = {
    "mean_iou": "mIoU",
    "pixel_accuracy": "pixels right",
    "class_accuracy": "classes right",
    "localisation": "localisation",
}
_CONSISTENCY_ROWS = {
    FIELD: "rendered",
    f"{FIELD}, between the encoder's cells": "rendered_on_cells",
    ON_PHOTOGRAPH: "encoder",
}


def mean_of(results: Sequence[SceneResult], figure: Callable[[SceneResult], float]) -> float:
    """Mean of a figure over scenes."""
    return sum(figure(result) for result in results) / len(results)


def segmentation_table(results: Sequence[SceneResult]) -> Table:
    """Who knows best what is where in the held-out views."""
    rows = []
    for row in (*ROWS, WITHOUT_LOOKING):
        found = [result.figures["rows"][row] for result in results]
        rows.append((row, *(spread([figures[name] for figures in found]) for name in COLUMNS)))
    return Table(
        "What is where",
        ("asked", *COLUMNS.values()),
        tuple(rows),
        text=(
            f"On {_counted(results)}. Every pixel gets the class whose name is nearest to its feature, "
            "among the names of all classes of made-up scenes; localisation is how often the pixel most "
            "relevant to a thing's caption lies on it. The encoder on the photograph sees the view "
            "itself, which the field has never seen."
        ),
        best=best_cells(tuple(rows), ("neither", *("higher" for _ in COLUMNS))),
        ours=(0,),
    )


def consistency_table(results: Sequence[SceneResult]) -> Table:
    """How much the features of one place differ between two views."""
    rows = []
    for row, name in _CONSISTENCY_ROWS.items():
        found = [result.figures["consistency"][name] for result in results]
        inconsistency = spread([1.0 - figures["mvc"] for figures in found])
        others = [spread([figures[key] for figures in found]) for key in ("margin", "corr1")]
        rows.append((row, inconsistency, *others))
    return Table(
        "The same from every side",
        (
            "features",
            "inconsistency (1 \N{MINUS SIGN} MVC)",
            "margin to random places",
            "match found (CORR@1)",
        ),
        tuple(rows),
        text=(
            "Pairs of held-out views, at points that both see. The field's inconsistency is "
            f"{spread([inconsistency_ratio(result) for result in results])} of the encoder's. The field "
            "is asked at the very pixel where a point lands; between the encoder's cells, it is "
            "interpolated as the encoder has to be."
        ),
        best=best_cells(tuple(rows), ("neither", "lower", "higher", "higher")),
        ours=(0,),
    )


def seconds_table(results: Sequence[SceneResult]) -> Table:
    """How long everything took."""
    rows = [
        (stage, spread([result.seconds.get(stage, 0.0) for result in results], 0))
        for stage in STAGES
    ]
    total = spread([sum(result.seconds.values()) for result in results], 0)
    text = "Of each scene. Training contains the encoder's passes over the photographs."
    return Table("Time", ("stage", "seconds"), (*rows, ("total", total)), text=text)


def inconsistency_ratio(result: SceneResult) -> float:
    """(1 - MVC) of the field over that of the encoder."""
    found = result.figures["consistency"]
    return (1.0 - found["rendered"]["mvc"]) / (1.0 - found["encoder"]["mvc"])


def where_measured(results: Sequence[SceneResult]) -> tuple[tuple[str, str], ...]:
    """Where the figures come from, all answers where scenes differ; empty if no scene says it."""
    names = dict.fromkeys(name for result in results for name in result.provenance)
    answers = {
        name: dict.fromkeys(result.provenance.get(name, "unknown") for result in results)
        for name in names
    }
    return tuple((name, ", ".join(different)) for name, different in answers.items())


def _counted(results: Sequence[SceneResult]) -> str:
    views = sum(result.figures["views"] for result in results)
    scenes = "one scene" if len(results) == 1 else f"{len(results)} scenes"
    return f"{views} held-out views of {scenes}"
