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
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.volumes.voxel_keys import (
    NOWHERE,
    REACH,
    find_keys_in_a_row,
    indices_of,
    key_step,
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

    def to(self, device: torch.device | str) -> "VoxelLevel":
        """The same level on another device."""
        touching = tuple((here.to(device), there.to(device)) for here, there in self.touching)
        return VoxelLevel(
            self.count, touching, None if self.slots is None else self.slots.to(device)
        )


@dataclass(frozen=True)
class VoxelPyramid:
    """The levels of one or several scenes, which do not touch each other."""

    levels: tuple[VoxelLevel, ...]
    """From fine to coarse."""
    scene_sizes: tuple[int, ...]
    """Voxels of each scene at the finest level; scenes follow each other."""

    def to(self, device: torch.device | str) -> "VoxelPyramid":
        """The same pyramid on another device."""
        return VoxelPyramid(tuple(level.to(device) for level in self.levels), self.scene_sizes)

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        pairs = [pair for level in self.levels for both in level.touching for pair in both]
        slots = [level.slots for level in self.levels if level.slots is not None]
        return sum(numbers.nbytes for numbers in (*pairs, *slots))


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
        levels.append(VoxelLevel(len(keys), _touching(keys), slots))
        keys = keys if coarser is None else coarser
    return VoxelPyramid(tuple(levels), tuple(len(indices) for indices in scenes))


def joined_pyramids(pyramids: Sequence[VoxelPyramid]) -> VoxelPyramid:
    """The pyramid over all scenes of several, without a search: what `voxel_pyramid` answers for them.

    Args:
        pyramids: at least one, all of the same number of levels.
    """
    if len(pyramids) == 1:
        return pyramids[0]
    levels = list(zip(*(pyramid.levels for pyramid in pyramids), strict=True))
    coarser = [*levels[1:], None]
    sizes = tuple(size for pyramid in pyramids for size in pyramid.scene_sizes)
    joined = tuple(_joined(parts, above) for parts, above in zip(levels, coarser, strict=True))
    return VoxelPyramid(joined, sizes)


def _joined(parts: tuple[VoxelLevel, ...], coarser: tuple[VoxelLevel, ...] | None) -> VoxelLevel:
    """One level of several pyramids, and the levels above it."""
    firsts = _firsts(parts)
    touching = tuple(
        (
            torch.cat([here + first for (here, _), first in zip(pairs, firsts, strict=True)]),
            torch.cat([there + first for (_, there), first in zip(pairs, firsts, strict=True)]),
        )
        for pairs in zip(*(part.touching for part in parts), strict=True)
    )
    slots = None
    if coarser is not None:
        moved = zip(parts, _firsts(coarser), strict=True)
        slots = torch.cat(
            [part.slots + OCTANTS * first for part, first in moved if part.slots is not None]
        )
    return VoxelLevel(sum(part.count for part in parts), touching, slots)


def _firsts(parts: tuple[VoxelLevel, ...]) -> list[int]:
    """Voxels before each part."""
    return [0, *itertools.accumulate(part.count for part in parts)][:-1]


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
    keys: Int64[Tensor, " voxels"],
) -> tuple[tuple[Int32[Tensor, "_"], Int32[Tensor, "_"]], ...]:
    """Pairs of a voxel and the one a step before it, for each of the 13 steps."""
    steps = keys.new_tensor([key_step(x, y, -1) for x, y in _BACKWARD_ROWS])
    in_rows = find_keys_in_a_row(keys, (keys + steps[:, None]).flatten(), 3)
    rows = torch.stack([found.unflatten(0, (len(steps), -1)) for found in in_rows], dim=1)
    follows = F.pad(keys.diff() == 1, (1, 0))[: len(keys)]
    before = torch.where(follows, torch.arange(-1, len(keys) - 1, device=keys.device), NOWHERE)
    numbers = torch.cat([rows.flatten(0, 1), before[None]])
    touches = numbers >= 0
    each = touches.sum(dim=1).tolist()
    voxels = torch.nonzero(touches)[:, 1].int().split(each)
    return tuple(zip(voxels, numbers[touches].int().split(each), strict=True))
