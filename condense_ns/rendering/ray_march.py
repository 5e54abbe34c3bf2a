"""Rays through a SparseVolume -> the stretches that lie in occupied voxels, exactly.

A ray ``origin + t * direction`` leaves voxels where it crosses a plane between them. All crossings of a
box of cells, sorted, cut the ray into stretches of one cell each. This is done twice: with large cells
of which most are empty, and within those that are not with the voxels themselves. t is in units of the
direction; with the directions of `geometry.pinhole.pixel_rays` it is depth.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import NOWHERE, find_keys, voxel_keys, within_reach

USUAL_SAMPLES = 64
"""Per ray; a ray that is not stopped by so many voxels is of little use."""
_CROSSINGS_AT_ONCE = 1 << 21
_TABLE = 1 << 20
"""Cells of a box whose voxels are looked up in a table of them all."""
_PARALLEL = 1e-9
"""Least component of a direction, relative to its length: what is parallel to planes nearly is so."""


@dataclass(frozen=True)
class VolumeSamples:
    """Stretches of rays, nearest first; a ray that has fewer than others is filled up at its end."""

    voxels: Int64[Tensor, "rays samples"]
    """Numbers of the voxels; -1 where there is no stretch."""
    t_starts: Float[Tensor, "rays samples"]
    """0 where there is no stretch, as are all that follow."""
    t_ends: Float[Tensor, "rays samples"]
    deltas: Float[Tensor, "rays samples"]
    """Lengths in scene units."""

    @property
    def valid(self) -> Bool[Tensor, "rays samples"]:
        """Whether there is a stretch."""
        return self.voxels >= 0

    @property
    def t_middles(self) -> Float[Tensor, "rays samples"]:
        """In the middle of each stretch."""
        return (self.t_starts + self.t_ends) / 2


@dataclass(frozen=True)
class _Rays:
    """Counted in cells of some size from the volume's origin."""

    origins: Float[Tensor, "rays 3"]
    directions: Float[Tensor, "rays 3"]
    """No component is zero."""

    def scaled(self, factor: float) -> "_Rays":
        """The same rays, counted in other cells."""
        return _Rays(self.origins * factor, self.directions * factor)


@dataclass(frozen=True)
class _Stretches:
    """Parts of rays within one cell each, sorted by ray and along it."""

    ray: Int64[Tensor, " stretches"]
    cell: Int64[Tensor, "stretches 3"]
    t_start: Float[Tensor, " stretches"]
    t_end: Float[Tensor, " stretches"]

    def part(self, chosen: slice | Bool[Tensor, " stretches"]) -> "_Stretches":
        """Some of them."""
        return _Stretches(*(values[chosen] for values in self.values()))

    def values(self) -> tuple[Tensor, ...]:
        """All of them as they are given."""
        return self.ray, self.cell, self.t_start, self.t_end


def march(
    volume: SparseVolume,
    origins: Float[Tensor, "rays 3"],
    directions: Float[Tensor, "rays 3"],
    most: int = USUAL_SAMPLES,
    nearest: float = 0.0,
) -> VolumeSamples:
    """The first occupied voxels that rays meet.

    Args:
        volume: through which they go.
        origins: in the scene.
        directions: of any length above zero.
        most: voxels per ray.
        nearest: t from which rays count, at least 0.
    """
    lengths = torch.linalg.vector_norm(directions, dim=1)
    if len(volume) == 0 or len(origins) == 0:
        none = torch.full((len(origins), 1), -1, device=origins.device)
        zeros = torch.zeros_like(none, dtype=origins.dtype)
        return VolumeSamples(none, zeros, zeros, zeros)
    moving = directions / volume.voxel_size
    least = _PARALLEL * lengths[:, None] / volume.voxel_size
    moving = torch.where(moving.abs() < least, least, moving)
    rays = _Rays(volume.grid_positions(origins), moving)
    whole = _Stretches(
        torch.arange(len(origins), device=origins.device),
        torch.zeros(len(origins), 3, dtype=torch.long, device=origins.device),
        torch.full_like(lengths, nearest),
        torch.full_like(lengths, torch.inf),
    )
    return _laid_out(*_occupied(volume, rays, whole), lengths, most)


def _occupied(
    volume: SparseVolume, rays: _Rays, whole: _Stretches
) -> tuple[Int64[Tensor, " stretches"], _Stretches]:
    """The stretches of whole rays that lie in occupied voxels, and the numbers of these."""
    low, high = volume.voxel_indices.long().aminmax(dim=0)
    halvings = round(math.log2(float((high - low + 1).max())) / 2)
    large = volume.voxel_indices >> halvings
    first, last = low >> halvings, high >> halvings
    box = first, last - first + 1
    cells = _cut(rays.scaled(0.5**halvings), whole, first.expand(len(whole.ray), 3), box[1])
    numbers = _numbers_in_box(large, cells.cell, box, lambda: voxel_keys(large).unique())
    cells = cells.part(numbers >= 0)
    found = _cut(rays, cells, cells.cell << halvings, torch.full_like(low, 2**halvings))
    box = first << halvings, box[1] << halvings
    numbers = _numbers_in_box(volume.voxel_indices, found.cell, box, lambda: volume.keys)
    occupied = numbers >= 0
    return numbers[occupied], found.part(occupied)


def _numbers_in_box(
    voxels: Int[Tensor, "voxels 3"],
    cells: Int64[Tensor, "cells 3"],
    box: tuple[Int64[Tensor, "3"], Int64[Tensor, "3"]],
    sorted_keys: Callable[[], Int64[Tensor, " different"]],
) -> Int64[Tensor, " cells"]:
    """Numbers of the voxels in cells, `NOWHERE` where there is none; of like voxels that of any.

    Args:
        voxels: indices, within the box.
        cells: indices, within the box.
        box: lowest cell, and cells along each axis.
        sorted_keys: of the voxels, for a box that is too large for a table.
    """
    lowest, counts = box
    columns, rows, layers = counts.tolist()
    size = columns * rows * layers
    if size > _TABLE:
        keys = torch.where(within_reach(cells), voxel_keys(cells), NOWHERE)
        return find_keys(sorted_keys(), keys)

    def places(indices: Int[Tensor, "indices 3"]) -> Int64[Tensor, " indices"]:
        x, y, z = (indices - lowest).unbind(dim=1)
        return (x * rows + y) * layers + z

    table = torch.full((size,), NOWHERE, dtype=torch.int32, device=cells.device)
    table[places(voxels)] = torch.arange(len(voxels), dtype=torch.int32, device=cells.device)
    return table[places(cells)].long()


def _cut(
    rays: _Rays,
    stretches: _Stretches,
    lowest: Int64[Tensor, "stretches 3"],
    counts: Int64[Tensor, "3"],
) -> _Stretches:
    """Stretches of one cell each, from stretches through boxes of cells.

    Args:
        rays: counted in these cells.
        stretches: what is cut.
        lowest: cell of each one's box.
        counts: cells of every box along each axis.
    """
    planes = int(counts.sum()) + 3
    at_once = max(1, _CROSSINGS_AT_ONCE // planes)
    parts = []
    for start in range(0, max(1, len(stretches.ray)), at_once):
        part = slice(start, start + at_once)
        parts.append(_cut_at_once(rays, stretches.part(part), lowest[part], counts))
    return _Stretches(*map(torch.cat, zip(*(part.values() for part in parts), strict=True)))


def _cut_at_once(
    rays: _Rays,
    stretches: _Stretches,
    lowest: Int64[Tensor, "stretches 3"],
    counts: Int64[Tensor, "3"],
) -> _Stretches:
    """The same for as many as memory holds."""
    origins, directions = rays.origins[stretches.ray], rays.directions[stretches.ray]
    crossings, entry, leaving = [], stretches.t_start, stretches.t_end
    for axis, count in enumerate(counts.tolist()):
        planes = lowest[:, axis, None] + torch.arange(count + 1, device=lowest.device)
        t = (planes - origins[:, axis, None]) / directions[:, axis, None]
        crossings.append(t)
        entry = torch.maximum(entry, torch.minimum(t[:, 0], t[:, -1]))
        leaving = torch.minimum(leaving, torch.maximum(t[:, 0], t[:, -1]))
    leaving = torch.maximum(entry, leaving)
    ts = _sorted_rows(torch.cat(crossings, dim=1).clamp(entry[:, None], leaving[:, None]))
    row, column = torch.nonzero(ts[:, 1:] > ts[:, :-1], as_tuple=True)
    t_start, t_end = ts[row, column], ts[row, column + 1]
    middle = (t_start + t_end)[:, None] / 2
    # Rounding must not lead out of the box.
    low = lowest.to(origins.dtype)[row]
    cell = (origins[row] + middle * directions[row]).floor().clamp(low, low + (counts - 1)).long()
    return _Stretches(stretches.ray[row], cell, t_start, t_end)


def _sorted_rows(values: Float[Tensor, "rows columns"]) -> Float[Tensor, "rows columns"]:
    """Each row in ascending order; numpy sorts short ones several times as fast as torch on CPU."""
    if values.device.type == "cpu" and not values.requires_grad:
        return torch.from_numpy(np.sort(values.numpy(), axis=1))
    return values.sort(dim=1).values


def _laid_out(
    numbers: Int64[Tensor, " stretches"],
    found: _Stretches,
    lengths: Float[Tensor, " rays"],
    most: int,
) -> VolumeSamples:
    """A row per ray."""
    counts = torch.bincount(found.ray, minlength=len(lengths))
    rank = torch.arange(len(found.ray), device=counts.device)
    rank = rank - (counts.cumsum(dim=0) - counts)[found.ray]
    width = max(1, min(most, int(counts.max())))
    near = rank < width
    kept = found.part(near)
    at = (kept.ray, rank[near])
    voxels = torch.full((len(lengths), width), -1, device=counts.device)
    voxels[at] = numbers[near]
    t_starts = lengths.new_zeros(voxels.shape)
    t_ends = torch.zeros_like(t_starts)
    t_starts[at], t_ends[at] = kept.t_start, kept.t_end
    return VolumeSamples(voxels, t_starts, t_ends, (t_ends - t_starts) * lengths[:, None])
