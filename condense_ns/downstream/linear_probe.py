"""How well one linear layer names the pixels of photographs from 2D features (`methods.md` 1.5, 7.3).

For refined features beside original ones: the same photographs, labels and settings for both. The layer
sees standardised features (a batch norm with the training maps' statistics) at the cells of the map; it
learns from the label in the middle of each cell, and is asked at every pixel, its logits interpolated
in between. Its learning rate is chosen on a fifth of the training maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.downstream.heads import Standardised
from condense_ns.errors import UserError
from condense_ns.metrics.segmentation import confusion_matrix, segmentation_figures

RATES = (1e-3, 3e-3, 1e-2)
WEIGHT_DECAY = 1e-4
_SET_ASIDE = 5
"""Every so-manieth training map is set aside where the learning rate is chosen."""


@dataclass(frozen=True)
class LabelledMap:
    """Features of a photograph and the classes of its pixels."""

    features: Float[Tensor, "height width channels"]
    """Any number of cells; the map covers the whole photograph."""
    labels: Int64[Tensor, "rows columns"]
    """Classes from 0, -1 unlabelled."""


@dataclass(frozen=True)
class ProbeSettings:
    """How the layer is trained."""

    steps: int = 500
    batch: int = 4096
    """Cells of a step."""
    seed: int = 0
    """Of the layer's first weights and of the batches."""


class LinearProbe(nn.Module):
    """The layer with its standardisation.

    Args:
        channels: of the features.
        classes: to tell apart.
    """

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.standardised = Standardised(channels)
        self.linear = nn.Linear(channels, classes)

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
        height, width, channels = features.shape
        logits = self(features.reshape(height * width, channels)).T.reshape(1, -1, height, width)
        return F.interpolate(logits, size, mode="bilinear", align_corners=False)[0].argmax(dim=0)


def probe_figures(
    train: Sequence[LabelledMap],
    test: Sequence[LabelledMap],
    classes: int,
    settings: ProbeSettings | None = None,
) -> dict[str, float]:
    """`mean_iou`, `pixel_accuracy`, `class_accuracy` on the test maps, and the chosen `learning_rate`.

    Args:
        train: maps of one encoder, at least one; scenes of `test` must not be among them.
        test: maps of the same encoder.
        classes: how many there are.
        settings: how the layer is trained.

    Raises:
        UserError: no maps, other widths of features, labels without a name, or none at all.
    """
    _check(train, test, classes)
    settings = settings or ProbeSettings()
    rate = _chosen_rate(train, classes, settings)
    probe = _trained(train, classes, rate, settings)
    return {**scored(probe, test, classes), "learning_rate": rate}


def scored(probe: LinearProbe, maps: Sequence[LabelledMap], classes: int) -> dict[str, float]:
    """Figures of `metrics.segmentation` over all pixels of all maps."""
    counts = torch.zeros(classes, classes + 1, dtype=torch.long, device=maps[0].labels.device)
    for one in maps:
        rows, columns = one.labels.shape
        counts += confusion_matrix(
            probe.answered(one.features, (rows, columns)), one.labels, classes
        )
    return segmentation_figures(counts)


def _chosen_rate(train: Sequence[LabelledMap], classes: int, settings: ProbeSettings) -> float:
    """The best of `RATES`; the middle one where there are too few maps to set one aside."""
    aside = list(train[::_SET_ASIDE])
    rest = [one for place, one in enumerate(train) if place % _SET_ASIDE]
    if not rest or not any(bool((one.labels >= 0).any()) for one in aside):
        return RATES[1]
    figures = {
        rate: scored(_trained(rest, classes, rate, settings), aside, classes)["mean_iou"]
        for rate in RATES
    }
    return max(figures, key=lambda rate: figures[rate])


def _trained(
    train: Sequence[LabelledMap], classes: int, rate: float, settings: ProbeSettings
) -> LinearProbe:
    """A layer after all its steps."""
    rows = torch.cat([one.features.flatten(0, 1) for one in train])
    labels = torch.cat([cell_labels(one).flatten() for one in train])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        probe = LinearProbe(rows.shape[1], classes)
    probe = probe.to(rows.device)
    probe.standardised.measure([rows])
    known = torch.nonzero(labels >= 0)[:, 0].cpu()
    generator = torch.Generator().manual_seed(settings.seed)
    optimiser = torch.optim.AdamW(probe.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    for _ in range(settings.steps if len(known) else 0):
        drawn = torch.randint(len(known), (min(settings.batch, len(known)),), generator=generator)
        chosen = known[drawn].to(rows.device)
        loss = F.cross_entropy(probe(rows[chosen]), labels[chosen])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
    return probe


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
