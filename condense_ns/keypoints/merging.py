"""Candidates -> points: of those in one voxel, the best remains.

A candidate is a detection that was lifted to the surface. The same corner of a table is detected in
many photographs and lifted to slightly different places; voxels bring these together in one pass over
all candidates, whatever their order.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from condense_ns.errors import UserError

_BITS = 21  # per axis, of a 64-bit key
MOST_VOXELS = (1 << _BITS) - 1


@dataclass(frozen=True)
class Merged:
    """Which candidates represent their voxels."""

    chosen: Int64[Tensor, " voxels"]
    """Numbers of candidates, best first."""
    support: Int64[Tensor, " voxels"]
    """How many candidates each voxel holds."""


def merge_in_voxels(
    xyz: Float64[Tensor, "candidates 3"], scores: Float[Tensor, " candidates"], voxel_size: float
) -> Merged:
    """The best candidate of each voxel; of equally good ones the one with the smallest coordinates.

    Args:
        xyz: positions.
        scores: the higher the better.
        voxel_size: side of a voxel, in the units of the positions.

    Raises:
        UserError: a voxel size that is not above 0, or too small for the scene.
    """
    if not voxel_size > 0.0:
        raise UserError(f"the voxel size is {voxel_size}, it must be above 0")
    if len(xyz) == 0:
        nothing = torch.zeros(0, dtype=torch.long)
        return Merged(nothing, nothing)
    places = xyz.cpu().numpy()
    cells = np.floor((places - places.min(axis=0)) / voxel_size)
    if cells.max() > MOST_VOXELS:
        raise UserError(
            f"voxels of {voxel_size} are too small for a scene of {np.ptp(places, axis=0).max():.6g}; "
            "choose a larger radius"
        )
    cells = cells.astype(np.int64)
    keys = (cells[:, 0] << 2 * _BITS) | (cells[:, 1] << _BITS) | cells[:, 2]
    best_first = np.lexsort((*places.T[::-1], -scores.cpu().numpy()))
    _, first, support = np.unique(keys[best_first], return_index=True, return_counts=True)
    voxels = np.argsort(first)
    return Merged(torch.from_numpy(best_first[first[voxels]]), torch.from_numpy(support[voxels]))
