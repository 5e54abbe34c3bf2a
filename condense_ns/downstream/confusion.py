"""A confusion matrix that is added to, and its picture."""

from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from condense_ns.metrics.segmentation import segmentation_figures
from condense_ns.whole_files import whole_file

_DOTS = 130  # per inch
_INCHES_PER_CLASS, _LEAST_INCHES, _MOST_INCHES = 0.32, 4.5, 16.0


class Confusion:
    """Counts by true class (rows) and by answered class (columns), kept by torchmetrics.

    Figures are those of `methods.md` 7.7: means go over the classes that occur in the truth, whereas
    torchmetrics' own also count classes that were answered only.

    Args:
        names: of the classes.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        from torchmetrics.classification import MulticlassConfusionMatrix

        self.names = names
        # One class more, which is never answered: torchmetrics wants two at least.
        self._counts = MulticlassConfusionMatrix(len(names) + 1, ignore_index=-1)

    def add(self, predicted: Int64[Tensor, " answers"], truth: Int64[Tensor, " answers"]) -> None:
        """Count answers; those whose truth is -1 are left out."""
        self._counts.update(predicted.cpu(), truth.cpu())

    @property
    def matrix(self) -> Int64[Tensor, "classes answers"]:
        """With one column more than rows, for no answer: always empty here."""
        found = self._counts.confmat
        assert isinstance(found, Tensor)
        return found[:-1].long()

    def figures(self) -> dict[str, float]:
        """`mean_iou`, `pixel_accuracy`, `class_accuracy`; see `metrics.segmentation`."""
        return segmentation_figures(self.matrix)

    def write_picture(self, path: Path, meaning: str) -> None:
        """Rows as shares, darker for more, with the share in every cell of 1 % or more."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        counts = self.matrix[:, :-1].float()
        shares = counts / counts.sum(dim=1, keepdim=True).clamp_min(1)
        count = len(self.names)
        side = min(_MOST_INCHES, max(_LEAST_INCHES, 2 + _INCHES_PER_CLASS * count))
        figure = Figure(figsize=(side, side), dpi=_DOTS, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.imshow(shares.numpy(), vmin=0, vmax=1, cmap="Blues")
        axes.set_xticks(range(count), self.names, rotation=90, fontsize=7)
        axes.set_yticks(range(count), self.names, fontsize=7)
        axes.set_xlabel("answer")
        axes.set_ylabel(f"truth ({meaning}, %)")
        for row, column in torch.nonzero(shares >= 0.01).tolist():
            share = float(shares[row, column])
            colour = "white" if share > 0.5 else "black"
            axes.text(
                column,
                row,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize=6,
                color=colour,
            )
        with whole_file(path) as unfinished:
            figure.savefig(unfinished, format="png")
