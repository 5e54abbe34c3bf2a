"""Found boxes beside true ones: mean average precision and its curves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.task import Scores
from condense_ns.metrics.box_overlap import box_iou
from condense_ns.metrics.box_precision import (
    SceneDetections,
    average_precisions,
    precision_recall,
)
from condense_ns.whole_files import whole_file

THRESHOLDS = {"map_25": 0.25, "map_50": 0.5}
"""Least overlaps of a box that is right."""
_DRAWN = 0.25
_DOTS = 130  # per inch


@dataclass(frozen=True)
class FoundBoxes:
    """Boxes of a scene, by falling score."""

    boxes: Float[Tensor, "boxes 7"]
    scores: Float[Tensor, " boxes"]
    classes: Int64[Tensor, " boxes"]


class BoxScores(Scores):
    """Scenes with what was found in them.

    Args:
        names: of the classes.
        found: boxes of a head's answers.
    """

    def __init__(
        self, names: tuple[str, ...], found: Callable[[Tensor, PreparedCloud], FoundBoxes]
    ) -> None:
        self._names, self._found = names, found
        self._scenes: list[SceneDetections] = []

    def add(self, answers: Float[Tensor, "rows outputs"], cloud: PreparedCloud) -> None:
        """Count one scene."""
        assert cloud.boxes is not None
        found = self._found(answers, cloud)
        overlaps = box_iou(found.boxes, cloud.boxes.boxes)
        self._scenes.append(
            SceneDetections(
                found.scores.cpu(), found.classes.cpu(), overlaps.cpu(), cloud.boxes.classes.cpu()
            )
        )

    def figures(self) -> dict[str, float]:
        """Means over the classes that occur in the truth; NaN without a true box."""
        figures = {}
        for name, threshold in THRESHOLDS.items():
            found = average_precisions(self._scenes, threshold).values()
            figures[name] = sum(found) / len(found) if found else float("nan")
        return figures

    def write_picture(self, path: Path) -> None:
        """Precision over recall of each class."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 5), dpi=_DOTS, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for number, average in average_precisions(self._scenes, _DRAWN).items():
            precision, recall = precision_recall(self._scenes, number, _DRAWN)
            label = f"{self._names[number]} {average:.2f}"
            axes.step(recall.numpy(), precision.numpy(), where="post", label=label)
        axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="precision")
        axes.set_xlabel(f"recall (boxes that overlap by {_DRAWN})")
        if axes.lines:
            axes.legend(fontsize=7, title="average precision", title_fontsize=7)
        with whole_file(path) as unfinished:
            figure.savefig(unfinished, format="png")
