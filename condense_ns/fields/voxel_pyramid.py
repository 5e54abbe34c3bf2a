"""The occupied voxels of scenes at several resolutions: level l has voxels of 2^l times the size.

Eight voxels of a level lie in one of the next, its octants, as in an octree. Which voxels touch does
not change while a network learns, so that a pyramid is built once and used by every layer and step.
Voxels are numbered in the order of their keys, at every level.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int, Int32, Int64
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.volumes.voxel_keys import (
    REACH,
    find_keys_and_next,
    indices_of,
    voxel_keys,
    within_reach,
)

OCTANTS = 8
STEPS = tuple(itertools.product((-1, 0, 1), repeat=3))
"""To the 27 neighbours of a voxel, the 13th being itself."""
_BACKWARD_ROWS = ((-1, -1), (-1, 0), (-1, 1), (0, -1))
"""Steps (x, y) to the rows of neighbours that come before a voxel in the order of keys."""


@dataclass(frozen=True)
class VoxelLevel:
    """The voxels of one resolution."""

    count: int
    """Voxels."""
    touching: tuple[tuple[Int32[Tensor, "_"], Int32[Tensor, "_"]], ...]
    """Voxels, and those that lie one step before them, for the 13 steps (-1, -1, -1) to (0, 0, -1)."""
    slots: Int64[Tensor, " voxels"] | None
    """Eight times the number of the voxel of the next level, plus the octant; None at the last one."""


@dataclass(frozen=True)
class VoxelPyramid:
    """The levels of one or several scenes, which do not touch each other."""

    levels: tuple[VoxelLevel, ...]
    """From fine to coarse."""
    scene_sizes: tuple[int, ...]
    """Voxels of each scene at the finest level; scenes follow each other."""


def voxel_pyramid(scenes: Sequence[Int[Tensor, "_ 3"]], num_levels: int) -> VoxelPyramid:
    """The pyramid over scenes.

    Args:
        scenes: indices of their voxels, sorted first by x, then y, then z, no two alike.
        num_levels: at least 1.

    Raises:
        UserError: indices that are not sorted or too far apart.
    """
    keys = voxel_keys(_side_by_side(scenes, num_levels))
    if (keys.diff() <= 0).any():
        raise UserError(
            "voxels are not sorted, or one is there twice; sort their indices by x, y and z"
        )
    levels = []
    for level in range(num_levels):
        indices = indices_of(keys)
        slots = coarser = None
        if level < num_levels - 1:
            coarser, parents = torch.unique(voxel_keys(indices >> 1), return_inverse=True)
            x, y, z = (indices & 1).unbind(dim=1)
            slots = OCTANTS * parents + 4 * x + 2 * y + z
        levels.append(VoxelLevel(len(keys), _touching(keys, indices), slots))
        keys = keys if coarser is None else coarser
    return VoxelPyramid(tuple(levels), tuple(len(indices) for indices in scenes))


def _side_by_side(
    scenes: Sequence[Int[Tensor, "_ 3"]], num_levels: int
) -> Int64[Tensor, "voxels 3"]:
    """Indices in one grid: scenes follow each other along x, with an empty coarsest voxel between.

    They are moved by whole coarsest voxels, so that the same voxels are merged as in a scene alone.
    """
    for number, indices in enumerate(scenes):
        if not within_reach(indices).all():
            raise UserError(f"scene {number} has voxel indices beyond {REACH}; make voxels larger")
    if len(scenes) == 1:
        return scenes[0].long()
    coarsest = 2 ** (num_levels - 1)
    start, moved = -(REACH // coarsest), []
    for indices in scenes:
        cells = indices[:, 0].long() // coarsest
        low, high = (int(cells[0]), int(cells[-1])) if len(cells) else (0, -2)
        shift = torch.tensor([start - low, 0, 0], device=indices.device) * coarsest
        moved.append(indices.long() + shift)
        start += high - low + 2
    if start * coarsest > REACH:
        raise UserError(
            f"{len(scenes)} scenes are too wide for one batch; take fewer, or make voxels larger"
        )
    return torch.cat(moved)


def _touching(
    keys: Int64[Tensor, " voxels"], indices: Int64[Tensor, "voxels 3"]
) -> tuple[tuple[Int32[Tensor, "_"], Int32[Tensor, "_"]], ...]:
    """Pairs of a voxel and the one a step before it, for each of the 13 steps."""
    found = []
    for x, y in _BACKWARD_ROWS:
        lowest = voxel_keys(indices + indices.new_tensor([x, y, -1]))
        middle, above = find_keys_and_next(keys, lowest + 1)
        found.extend([find_keys_and_next(keys, lowest)[0], middle, above])
    found.append(find_keys_and_next(keys, keys - 1)[0])
    pairs = []
    for numbers in found:
        voxels = torch.nonzero(numbers >= 0)[:, 0]
        pairs.append((voxels.int(), numbers[voxels].int()))
    return tuple(pairs)
