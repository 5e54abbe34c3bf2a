"""One depth image -> the surface that it shows: points, normals, and how squarely it is seen.

With d the direction of a pixel's ray that advances depth by one, and n the unit normal of the surface
there, a place that lies by z before the surface along the optical axis is about ``z * |n . d|`` away
from it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays

_REACH = 2
"""Pixels to either side that a normal is worked out from; a sensor's neighbours are not independent."""


@dataclass(frozen=True)
class PosedDepth:
    """What one view knows."""

    depth: Float[Tensor, "height width"]
    """Along the optical axis in scene units; what is not positive and finite is unknown."""
    image: Float[Tensor, "3 height width"] | None = None
    """RGB in [0, 1]; grey if None."""


@dataclass(frozen=True)
class DepthSurface:
    """What one view sees, in the world."""

    points: Float[Tensor, "height width 3"]
    """The camera's centre where the depth is unknown."""
    normals: Float[Tensor, "height width 3"]
    """Unit length, towards the camera; zero where unknown."""
    slant: Float[Tensor, "height width"]
    """|n . d|, small where the surface is seen from the side; zero where unknown."""


def depth_surface(depth: Float[Tensor, "height width"], view: PinholeViews) -> DepthSurface:
    """Points and normals of the pixels of one view.

    Args:
        depth: along the optical axis, 0 where unknown.
        view: one camera, whose image has the size of the depth.
    """
    height, width = depth.shape
    centre, directions = pixel_rays(grid_places(height, width), view)
    directions = directions.reshape(height, width, 3)
    points = centre + depth[..., None] * directions
    across = _difference(points, dim=1)
    down = _difference(points, dim=0)
    known = _has_neighbours(depth > 0)
    normals = F.normalize(torch.linalg.cross(down, across), dim=2, eps=1e-12) * known[..., None]
    facing = (normals * directions).sum(dim=2)
    normals = torch.where(facing[..., None] > 0, -normals, normals)
    return DepthSurface(points, normals, facing.abs())


def _difference(
    values: Float[Tensor, "height width 3"], dim: int
) -> Float[Tensor, "height width 3"]:
    """From some pixels before to some pixels behind."""
    return values.roll(-_REACH, dims=dim) - values.roll(_REACH, dims=dim)


def _has_neighbours(known: Tensor) -> Tensor:
    """Where a pixel and those from which its normal comes are known, and within the image."""
    inner = torch.zeros_like(known)
    inner[_REACH:-_REACH, _REACH:-_REACH] = True
    for dim in (0, 1):
        inner = inner & known.roll(_REACH, dims=dim) & known.roll(-_REACH, dims=dim)
    return inner & known
