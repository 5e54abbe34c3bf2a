"""How well one linear layer names the pixels of photographs from 2D features (`methods.md` 1.5, 7.3).

For refined features beside original ones: the same photographs and labels for both. The layer sees
standardised features (a batch norm with the training maps' statistics) at the cells of the map; it learns
from the label in the middle of each cell, and is asked at every pixel, its logits interpolated in between.

Cross-entropy with a penalty on the squares of its weights has a single minimum, which L-BFGS goes to from
zero, in 200 steps at most (with the weakest penalty it may stop a little short). Far from it, features that
hold what counts in directions of little variance, as refined ones do, would seem to hold less. The penalty
is chosen on a fifth of the training maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.downstream.heads import Standardised
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import on_grid
from condense_ns.metrics.segmentation import confusion_matrix, segmentation_figures

PENALTIES = (1e-2, 1e-4, 1e-6)
"""On the sum of squared weights, beside the mean cross-entropy; the strongest first."""
MOST_ROWS = 200_000
"""Cells that the layer learns from; of more, so many are drawn."""
_ITERATIONS = 200
_HISTORY = 20
_SET_ASIDE = 5
"""Every so-manieth training map is set aside where the penalty is chosen."""


@dataclass(frozen=True)
class LabelledMap:
    """Features of a photograph and the classes of its pixels."""

    features: Float[Tensor, "height width channels"]
    """Any number of cells; the map covers the whole photograph."""
    labels: Int64[Tensor, "rows columns"]
    """Classes from 0, -1 unlabelled."""


class LinearProbe(nn.Module):
    """The layer with its standardisation; it is all zeros before it learns.

    Args:
        channels: of the features.
        classes: to tell apart.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.standardised = Standardised(channels)
        self.linear = nn.Linear(channels, classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, rows: Float[Tensor, "cells channels"]) -> Float[Tensor, "cells classes"]:
        """Logits."""
        return self.linear(self.standardised(rows))

    @torch.no_grad()
    def answered(
        self, features: Float[Tensor, "height width channels"], size: tuple[int, int]
    ) -> Int64[Tensor, "rows columns"]:
        """Classes of the pixels of a photograph.

        Args:
            features: its map.
            size: height and width in pixels.
        """
        logits = self(features.flatten(0, 1)).unflatten(0, features.shape[:2])
        return on_grid(logits, *size).argmax(dim=-1)


def probe_figures(
    train: Sequence[LabelledMap], test: Sequence[LabelledMap], classes: int
) -> dict[str, float]:
    """`mean_iou`, `pixel_accuracy`, `class_accuracy` on the test maps, and the chosen `penalty`.

    Args:
        train: maps of one encoder, at least one; scenes of `test` must not be among them.
        test: maps of the same encoder.
        classes: how many there are.

    Raises:
        UserError: no maps, other widths of features, labels without a name, or none at all.
    """
    _check(train, test, classes)
    penalty = _chosen_penalty(train, classes)
    probe = _drawn(train, classes).learned(penalty)
    return {**scored(probe, test, classes), "penalty": penalty}


def scored(probe: LinearProbe, maps: Sequence[LabelledMap], classes: int) -> dict[str, float]:
    """Figures of `metrics.segmentation` over all pixels of all maps."""
    counts = torch.zeros(classes, classes + 1, dtype=torch.long, device=maps[0].labels.device)
    for one in maps:
        rows, columns = one.labels.shape
        counts += confusion_matrix(
            probe.answered(one.features, (rows, columns)), one.labels, classes
        )
    return segmentation_figures(counts)


@dataclass(frozen=True)
class _Lesson:
    """A layer and what it learns from."""

    probe: LinearProbe
    rows: Float[Tensor, "cells channels"]
    """Standardised."""
    labels: Int64[Tensor, " cells"]

    def learned(self, penalty: float) -> LinearProbe:
        """The layer at the minimum, on the way to which it starts where it is."""
        linear = self.probe.linear
        optimiser = torch.optim.LBFGS(
            linear.parameters(),
            max_iter=_ITERATIONS,
            tolerance_grad=1e-6,
            tolerance_change=1e-9,
            history_size=_HISTORY,
            line_search_fn="strong_wolfe",
        )

        def loss() -> Tensor:
            optimiser.zero_grad(set_to_none=True)
            found = F.cross_entropy(linear(self.rows), self.labels)
            found = found + penalty * linear.weight.square().sum()
            found.backward()
            return found

        if len(self.rows):
            optimiser.step(loss)
        return self.probe


def _chosen_penalty(train: Sequence[LabelledMap], classes: int) -> float:
    """The best of `PENALTIES`; the middle one where there are too few maps to set one aside."""
    aside = list(train[::_SET_ASIDE])
    rest = [one for place, one in enumerate(train) if place % _SET_ASIDE]
    if not rest or not any(bool((one.labels >= 0).any()) for one in aside):
        return PENALTIES[len(PENALTIES) // 2]
    lesson = _drawn(rest, classes)
    figures = {
        penalty: scored(lesson.learned(penalty), aside, classes)["mean_iou"]
        for penalty in PENALTIES
    }
    return max(figures, key=lambda penalty: figures[penalty])


def _drawn(train: Sequence[LabelledMap], classes: int) -> _Lesson:
    """A layer of zeros and the cells with labels, `MOST_ROWS` of them at most."""
    rows = torch.cat([one.features.flatten(0, 1) for one in train])
    labels = torch.cat([cell_labels(one).flatten() for one in train])
    with torch.random.fork_rng(devices=[]):
        probe = LinearProbe(rows.shape[1], classes).to(rows.device)
    probe.standardised.measure([rows])
    known = torch.nonzero(labels >= 0)[:, 0]
    if len(known) > MOST_ROWS:
        drawn = torch.randperm(len(known), generator=torch.Generator().manual_seed(0))
        known = known[drawn[:MOST_ROWS].sort().values.to(known.device)]
    return _Lesson(probe, probe.standardised(rows[known]), labels[known])


def cell_labels(one: LabelledMap) -> Int64[Tensor, "height width"]:
    """The label of the pixel in the middle of each cell."""
    height, width = one.features.shape[:2]
    rows, columns = one.labels.shape
    down = ((torch.arange(height, device=one.labels.device) + 0.5) * rows / height).long()
    across = ((torch.arange(width, device=one.labels.device) + 0.5) * columns / width).long()
    return one.labels[down][:, across]


def _check(train: Sequence[LabelledMap], test: Sequence[LabelledMap], classes: int) -> None:
    """Raises: UserError: maps that cannot be compared."""
    if not train or not test:
        raise UserError(
            "a probe needs maps for training and for testing; give at least one of each"
        )
    widths = {one.features.shape[2] for one in (*train, *test)}
    if len(widths) > 1:
        raise UserError(
            f"maps have features of {', '.join(map(str, sorted(widths)))} channels; "
            "take all of them from one encoder"
        )
    highest = max(int(one.labels.max()) for one in (*train, *test))
    if highest >= classes:
        raise UserError(
            f"pixels are labelled {highest}, but there are {classes} classes; give more"
        )
    if not any(bool((one.labels >= 0).any()) for one in train):
        raise UserError("no pixel of the training maps is labelled; give maps with labels")
