"""Posed depth images -> SparseVolume, by averaging truncated signed distances over the views.

With s the mean signed distance of a voxel's centre (`signed_distance`), positive before the surface, and
b a fifth of a voxel, the density

    sigma = logistic(-s / b) / b

is the hazard of a logistic distribution about the surface: a ray that meets a flat wall squarely stops,
on average, exactly there (P. Wang et al., NeuS, 2021).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.volumes.depth_surfaces import PosedDepth, depth_surface
from condense_ns.volumes.signed_distance import DistanceSums
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import REACH, grown_keys, indices_of, voxel_keys

SOFTNESS = 0.2
"""Of the surface: b in voxels."""
INNERMOST, OUTERMOST = -1.5, 0.75
"""Signed distances of the voxels that are kept, in voxels. Within them a ray is stopped."""
PIXELS_PER_VOXEL = 2.5
"""Of the voxel size that is chosen for a scene, at its median depth."""
MOST_ACROSS = 256
"""Voxels along a scene whose voxel size is chosen."""
LEAST_AGREEMENT = 0.15
"""Share of the voxels near what any view sees that are kept: 0.4 of a real room, 0.1 and less with poses
of other images, of another convention or with depth in another unit."""
MOST_VOXELS = 20_000_000
_PROBED = 8
_PENDING = 4_000_000
_POINTS_PROBED = 2000


@dataclass(frozen=True)
class DepthFusion:
    """How views are fused."""

    voxel_size: float | None = None
    """Scene units; a few pixels at the median depth if None, and at most `MOST_ACROSS` in a row."""
    truncation: float = 3.0
    """Largest distance that counts, in voxels."""
    least_views: int = 2
    """That see a voxel near their surface; fewer if the scene has no more."""


USUAL = DepthFusion()


def volume_from_depth(
    views: PinholeViews,
    load: Callable[[int], PosedDepth],
    fusion: DepthFusion = USUAL,
    name: str = "the scene",
) -> SparseVolume:
    """The voxels near the surfaces on which the views agree.

    Args:
        views: their cameras.
        load: a view by its number; each is asked for twice, a few three times, one after another.
        fusion: how.
        name: how to call the scene in messages.

    Raises:
        UserError: no depth at all, depth of another size than the cameras', too small voxels, or
            views that agree on little.
    """

    def loaded(view: int) -> PosedDepth:
        return _checked(load(view), views, f"view {view} of {name}")

    voxel_size = fusion.voxel_size or fitting_voxel_size(views, loaded, name)
    origin = views.centres.double().mean(dim=0)
    keys = _candidates(views, loaded, origin, voxel_size, name)
    indices = indices_of(keys)
    centres = (origin + (indices.double() + 0.5) * voxel_size).float()
    sums = DistanceSums.none(centres, voxel_size, fusion.truncation)
    for view in range(len(views)):
        sums.add(loaded(view), views[[view]])
    least_views = min(fusion.least_views, len(views))
    distance = sums.mean_distance
    kept = (distance > INNERMOST) & (distance < OUTERMOST) & (sums.near_views >= least_views)
    chosen = torch.nonzero(kept)[:, 0]
    agreed = len(chosen) / max(1, int((sums.near_views > 0).sum()))
    if agreed < LEAST_AGREEMENT:
        raise UserError(
            f"the depth images of {name} agree on {agreed:.0%} of what they show; check that its poses "
            "and its depth belong together and have the same unit"
        )
    softness = SOFTNESS * voxel_size
    return SparseVolume(
        voxel_indices=indices[chosen].int(),
        voxel_size=float(voxel_size),
        origin=origin,
        density=torch.sigmoid(-distance[chosen] / SOFTNESS) / softness,
        colour=sums.mean_colour[chosen].clamp(0, 1),
        normal=sums.mean_normal[chosen],
        kind="depth",
    )


def fitting_voxel_size(
    views: PinholeViews, load: Callable[[int], PosedDepth], name: str = "the scene"
) -> float:
    """A few pixels at the median depth, but not so small that the scene has too many voxels in a row.

    Args:
        views: cameras.
        load: a view by its number; a few are read.
        name: how to call the scene in messages.

    Raises:
        UserError: none of these views has any depth.
    """
    step = max(1, len(views) // _PROBED)
    footprints, points = [], []
    for view in range(0, len(views), step):
        depth = load(view).depth
        seen = depth > 0
        footprints.append(depth[seen] / views.intrinsics[view, 0, 0])
        found = depth_surface(depth, views[[view]]).points[seen]
        points.append(found[:: max(1, len(found) // _POINTS_PROBED)])
    footprint, place = torch.cat(footprints), torch.cat(points)
    if len(place) == 0:
        raise UserError(f"the depth images of {name} are empty; give others, or points")
    ends = torch.quantile(place, torch.tensor([0.01, 0.99]), dim=0)
    extent = float((ends[1] - ends[0]).max())
    return max(PIXELS_PER_VOXEL * float(footprint.median()), extent / MOST_ACROSS)


def _checked(view: PosedDepth, views: PinholeViews, name: str) -> PosedDepth:
    """The view with 0 for all depth that is unknown.

    Raises:
        UserError: it has another size than its camera.
    """
    shapes = {"depth": view.depth.shape}
    if view.image is not None:
        shapes["an image"] = view.image.shape[1:]
    for what, (height, width) in shapes.items():
        if (height, width) != (views.height, views.width):
            raise UserError(
                f"{name} has {what} of {width} x {height} pixels for a camera of {views.width} x "
                f"{views.height}; give depth and images of the camera's size"
            )
    known = torch.isfinite(view.depth) & (view.depth > 0)
    return PosedDepth(torch.where(known, view.depth, torch.zeros_like(view.depth)), view.image)


def _candidates(
    views: PinholeViews,
    load: Callable[[int], PosedDepth],
    origin: Float64[Tensor, "3"],
    voxel_size: float,
    name: str,
) -> Int64[Tensor, " voxels"]:
    """Keys of the voxels in which a view sees a surface, and of all around these.

    Raises:
        UserError: there are none, or too many.
    """
    found, pending = torch.empty(0, dtype=torch.long), []
    for view in range(len(views)):
        depth = load(view).depth
        points = depth_surface(depth, views[[view]]).points[depth > 0]
        places = ((points.double() - origin) / voxel_size).floor()
        inside = (places.abs() <= REACH).all(dim=1)
        pending.append(torch.unique(voxel_keys(places[inside].long())))
        if view == len(views) - 1 or sum(map(len, pending)) > _PENDING:
            found, pending = torch.unique(torch.cat([found, *pending])), []
        if len(found) > MOST_VOXELS:
            raise UserError(
                f"{name} has more than {MOST_VOXELS} voxels of size {voxel_size:.3g}; give larger ones"
            )
    if len(found) == 0:
        raise UserError(f"the depth images of {name} are empty; give others, or points")
    return grown_keys(found)
