"""A scene cut in two by an upright plane: from one side something is learned, the other is asked about.

The plane stands across the longest horizontal axis and leaves as many voxels on either side. Those near
it are left out, as neighbours are almost the same place. (z points up in nerfstudio's scenes.)
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

GAP = 0.1
"""Width of what is left out, of the scene's length."""
_BULK = (0.05, 0.95)
"""Share of the voxels between which lengths are measured: single ones may be far away."""


@dataclass(frozen=True)
class Way:
    """Which voxels are learned from, and which are asked about."""

    learned: Int64[Tensor, " learned"]
    """Numbers."""
    asked: Int64[Tensor, " asked"]
    """Numbers."""


def both_ways(
    centres: Float[Tensor, "voxels 3"], counted: Bool[Tensor, " voxels"], gap: float = GAP
) -> tuple[Way, Way]:
    """From the lower side to the upper one, and back; empty where there are too few voxels.

    Args:
        centres: of all voxels.
        counted: those that are looked at; the others are on neither side.
        gap: width of what is left out around the plane, of the scene's length; 0 or more.
    """
    if not bool(counted.any()):
        nothing = torch.zeros(0, dtype=torch.long)
        return Way(nothing, nothing), Way(nothing, nothing)
    ends = torch.tensor(_BULK, dtype=centres.dtype)
    low, high = torch.quantile(centres[counted, :2], ends, dim=0)
    axis = int((high - low).argmax())
    along = centres[:, axis]
    away = along - along[counted].median()
    half_gap = gap * (high - low)[axis] / 2
    lower, upper = (
        torch.nonzero(counted & side)[:, 0] for side in (away <= -half_gap, away > half_gap)
    )
    return Way(lower, upper), Way(upper, lower)
