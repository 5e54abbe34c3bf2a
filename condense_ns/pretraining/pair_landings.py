"""Cells of each view -> where their surfaces land in the next view, occlusions left out (`methods.md` 2.3).

A surface counts as seen by the other view if it lies as deep there as what that view sees around the
landing. Cells are large: depth is allowed to be anywhere in the range of the four cells around, widened
by a share of itself.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.interpolation import map_cells
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.pretraining.seen_cells import SeenCells

TOLERANCE = 0.02
"""Of the depth."""


@dataclass(frozen=True)
class Landings:
    """Of the cells of view a in view b = a + 1, the first one coming after the last."""

    places: Float[Tensor, "views cells 2"]
    """From 0 to 1 across b; beyond it for what b does not see."""
    shared: Bool[Tensor, "views cells"]
    """Whether both views see the surface; no cell around the landing is masked."""

    def to(self, device: torch.device | str) -> "Landings":
        """The same on another device."""
        return Landings(self.places.to(device), self.shared.to(device))


def pair_landings(seen: SeenCells, views: PinholeViews) -> Landings:
    """Landings of all cells.

    Args:
        seen: cells of at least one view.
        views: their cameras.
    """
    pose = views.world_to_camera_cv.roll(-1, dims=0)
    intrinsics = views.intrinsics.roll(-1, dims=0)
    local = torch.einsum("vij,vcj->vci", pose[:, :3, :3], seen.points) + pose[:, None, :3, 3]
    depth = local[..., 2]
    pixels = torch.einsum("vij,vcj->vci", intrinsics[:, :2], local)
    places = pixels / (
        depth.clamp_min(1e-6)[..., None] * local.new_tensor([views.width, views.height])
    )
    inside = (depth > 1e-6) & ((places >= 0) & (places <= 1)).all(dim=-1)
    there = seen.depth.roll(-1, dims=0)
    cells, _ = map_cells(places.clamp(0, 1), seen.rows, seen.columns)
    around = there.flatten()[cells]
    known = around > 0
    nearest = torch.where(known, around, torch.inf).amin(dim=2)
    farthest = torch.where(known, around, -torch.inf).amax(dim=2)
    near = (depth > nearest * (1 - TOLERANCE)) & (depth < farthest * (1 + TOLERANCE))
    counted = seen.counted.roll(-1, dims=0).flatten()[cells].all(dim=2)
    return Landings(places, seen.visible & inside & near & counted)
