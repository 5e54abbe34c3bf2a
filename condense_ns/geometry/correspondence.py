"""Pixels of one view -> the same places in another, by depth, with occlusions left out.

The warp of `methods.md` 7.2: u in a at depth D_a(u) lands at u' in b; it counts if u' lies in b's image
and b sees a surface there at nearly the depth of the place.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays, project_pinhole

TOLERANCE = 0.02
"""Of the depth."""


@dataclass(frozen=True)
class SharedPlaces:
    """Places that both views see."""

    cells: Int64[Tensor, " shared"]
    """Row-major cells of a's grid."""
    places_a: Float[Tensor, "shared 2"]
    """Their centres, from 0 to 1 across a."""
    places_b: Float[Tensor, "shared 2"]
    """From 0 to 1 across b."""


@dataclass(frozen=True)
class DepthView:
    """One view and how far away is what it sees."""

    camera: PinholeViews
    """One view."""
    depth: Float[Tensor, "height width"]
    """Along the optical axis, 0 where unknown."""

    def depth_at(self, places: Float[Tensor, "places 2"]) -> Float[Tensor, " places"]:
        """Of the nearest pixel."""
        height, width = self.depth.shape
        pixels = (places.clamp(0, 1) * places.new_tensor([width, height])).long()
        return self.depth[pixels[:, 1].clamp_max(height - 1), pixels[:, 0].clamp_max(width - 1)]


def shared_places(a: DepthView, b: DepthView, rows: int, columns: int) -> SharedPlaces:
    """Cells of a grid over a that b sees, too.

    Args:
        a: one view.
        b: another view.
        rows: of the grid over a.
        columns: of the grid over a.
    """
    places = grid_places(rows, columns)
    landed, seen = landing_places(a, b, places)
    shared = torch.nonzero(seen)[:, 0]
    return SharedPlaces(shared, places[shared], landed[shared])


def landing_places(
    a: DepthView, b: DepthView, places: Float[Tensor, "places 2"]
) -> tuple[Float[Tensor, "places 2"], Bool[Tensor, " places"]]:
    """Where places of a land in b, from 0 to 1, and which of them b sees.

    Args:
        a: one view.
        b: another view.
        places: from 0 to 1 across a.
    """
    depth = a.depth_at(places)
    centre, directions = pixel_rays(places, a.camera)
    landed = project_pinhole(centre + depth[:, None] * directions, b.camera)
    surface = b.depth_at(landed.places[0])
    near = (surface - landed.depths[0]).abs() < TOLERANCE * landed.depths[0]
    return landed.places[0], (depth > 0) & (surface > 0) & landed.inside[0] & near
