"""A scene cut into slabs by upright planes: from every other one something is learned, the others are asked about.

The planes stand across the longest horizontal axis, with as many voxels in each slab: two slabs are the two halves
of a scene. Voxels near a plane are left out, as neighbours are almost the same place. (z points up in nerfstudio's
scenes.)
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

GAP = 0.1
"""Width of what is left out around a plane, of the scene's length."""
_BULK = (0.05, 0.95)
"""Shares of the voxels between which lengths are measured: single ones may be far away."""


@dataclass(frozen=True)
class Way:
    """Which voxels are learned from, and which are asked about."""

    learned: Int64[Tensor, " learned"]
    """Numbers."""
    asked: Int64[Tensor, " asked"]
    """Numbers."""


def both_ways(
    centres: Float[Tensor, "voxels 3"],
    counted: Bool[Tensor, " voxels"],
    gap: float = GAP,
    slabs: int = 2,
) -> tuple[Way, Way]:
    """From the first, third… slab to the others, and back; empty where there are too few voxels.

    Args:
        centres: of all voxels.
        counted: those that are looked at; the others are in no slab.
        gap: width of what is left out around each plane, of the scene's length; 0 or more.
        slabs: 2 or more.
    """
    if not bool(counted.any()):
        nothing = torch.zeros(0, dtype=torch.long)
        return Way(nothing, nothing), Way(nothing, nothing)
    low, high = torch.quantile(centres[counted, :2], centres.new_tensor(_BULK), dim=0)
    axis = int((high - low).argmax())
    along = centres[:, axis].contiguous()
    shares = torch.arange(1, slabs, dtype=along.dtype) / slabs
    planes = torch.quantile(along[counted], shares)
    slab = torch.bucketize(along, planes)
    near = ((along[:, None] - planes).abs() < gap * (high - low)[axis] / 2).any(dim=1)
    one, other = (
        torch.nonzero(counted & ~near & (slab % 2 == remainder))[:, 0] for remainder in (0, 1)
    )
    return Way(one, other), Way(other, one)
