"""A point cloud -> SparseVolume: every voxel in which points lie, with their mean colour and normal.

Points lie on surfaces, so that a voxel full of them is opaque and one stray point is not. With n points
in a voxel and m the median of n over the voxels, the density is

    sigma = THICKNESS / voxel_size * min(1, n / m)

A ray that crosses a usual voxel from face to face is thus stopped with probability 1 - exp(-THICKNESS).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.volumes.local_planes import estimated_normals
from condense_ns.volumes.sparse_volume import GREY, SparseVolume
from condense_ns.volumes.voxel_keys import REACH, VoxelGroups, indices_of, voxel_keys

THICKNESS = 4.0
"""Optical thickness of a usual voxel, from face to face."""
POINTS_PER_VOXEL = 4.0
"""Of the voxel size that is chosen for a cloud."""
MOST_POINTS = 50_000_000
_MOST_TRIALS = 12
_CLOSE = 1.25
"""Factor between the wanted and the found number of points per voxel at which the search ends."""


@dataclass(frozen=True)
class PointCloud:
    """Points on surfaces."""

    positions: Float64[Tensor, "points 3"]
    """Scene units; in double, as surveyed places lie far from their origin."""
    colours: Float[Tensor, "points 3"] | None = None
    """RGB in [0, 1]."""
    normals: Float[Tensor, "points 3"] | None = None
    """Of any length; towards free space. Zero where unknown."""

    def __len__(self) -> int:
        return len(self.positions)


def volume_from_points(
    cloud: PointCloud,
    voxel_size: float | None = None,
    viewpoints: Float[Tensor, "viewpoints 3"] | None = None,
    name: str = "the point cloud",
) -> SparseVolume:
    """The voxels in which points lie.

    Args:
        cloud: points in any order; the same ones may occur often.
        voxel_size: scene units; chosen so that there are about four points per voxel if None.
        viewpoints: places from which the surfaces were seen. Normals that are estimated because the
            cloud has none face the nearest one, or away from the middle of the cloud without any.
        name: how to call the cloud in messages, e.g. its file.

    Raises:
        UserError: no points, too many or too far apart ones, or some that are not finite; or voxels larger than all.
    """
    check_cloud(cloud, name)
    origin = cloud.positions.amin(dim=0)
    local = cloud.positions - origin
    extent = float(local.max())
    if voxel_size is None:
        voxel_size = fitting_voxel_size(local, extent, name)
    if not 0 < voxel_size < float("inf") or extent / voxel_size > REACH:
        raise UserError(
            f"{name} is {extent:.3g} units wide, which cannot be cut into voxels of size "
            f"{voxel_size:.3g}; give a voxel size above {extent / REACH:.3g}, or crop it"
        )
    if 0 < extent < voxel_size:
        raise UserError(
            f"{name} is {extent:.3g} units wide, and voxels of size {voxel_size:.3g} would be larger than "
            f"all of it; give a voxel size below {extent:.3g}, or none for one that fits"
        )
    places = local / voxel_size
    groups = VoxelGroups.of_keys(voxel_keys(places.long()))
    indices = indices_of(groups.keys)
    counts = groups.counts.float()
    median = counts.median().clamp_min(1.0)
    if cloud.colours is None:
        colour = torch.full((len(indices), 3), GREY)
    else:
        colour = groups.means(cloud.colours.float()).clamp(0, 1)
    if cloud.normals is None:
        seen_from = None if viewpoints is None else (viewpoints.double() - origin) / voxel_size
        normal = estimated_normals(places, groups, seen_from)
    else:
        normal = F.normalize(groups.means(F.normalize(cloud.normals.float(), dim=1)), eps=1e-6)
    return SparseVolume(
        voxel_indices=indices.int(),
        voxel_size=float(voxel_size),
        origin=origin,
        density=THICKNESS / voxel_size * (counts / median).clamp_max(1.0),
        colour=colour,
        normal=normal,
        kind="points",
    )


def check_cloud(cloud: PointCloud, name: str) -> None:
    """Whether a volume can be made of a cloud.

    Raises:
        UserError: no points, too many, or some that are not finite.
    """
    if not 0 < len(cloud) <= MOST_POINTS:
        raise UserError(
            f"{name} holds {len(cloud)} points; give one with 1 to {MOST_POINTS}, thinned if need be"
        )
    parts = {
        "positions": cloud.positions,
        "colours": cloud.colours,
        "normals": cloud.normals,
    }
    for part, values in parts.items():
        if values is not None and not torch.isfinite(values.sum(dtype=torch.float64)):
            wrong = int((~torch.isfinite(values)).any(dim=1).sum())
            raise UserError(
                f"{name} has {part} that are not finite (at {wrong} points); remove these points"
            )


def fitting_voxel_size(
    local: Float64[Tensor, "points 3"], extent: float, name: str = "the point cloud"
) -> float:
    """Edge of voxels of which the occupied ones hold `POINTS_PER_VOXEL` points on average.

    Voxels are counted and the size is corrected, as if the points lay on a surface, until it fits.

    Args:
        local: positions, none below zero.
        extent: the largest coordinate.
        name: how to call the points in messages.

    Raises:
        UserError: all points lie in one place.
    """
    if extent <= 0:
        raise UserError(f"all points of {name} lie in one place; give a voxel size")
    least = extent / REACH
    size = max(least, extent * (POINTS_PER_VOXEL / len(local)) ** 0.5)
    for _ in range(_MOST_TRIALS):
        occupied = _occupied(local, size)
        ratio = len(local) / occupied / POINTS_PER_VOXEL
        if 1 / _CLOSE < ratio < _CLOSE or occupied == 1:
            break
        size = min(max(least, size * ratio**-0.5), extent)
    return size


def _occupied(local: Float64[Tensor, "points 3"], size: float) -> int:
    """Voxels in which points lie."""
    keys: Int64[Tensor, " points"] = voxel_keys((local / size).long())
    return len(torch.unique_consecutive(torch.sort(keys).values))
