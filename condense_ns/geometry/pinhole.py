"""Ideal cameras of views that all have one size: rays, points on them, and points in other views.

Poses are OpenCV's world-to-camera (x right, y down, z forward). Pixels are continuous, the first
centre at 0.5. Images, and maps made of them, cover the same field of view whatever their resolution;
places in them are therefore also given from 0 to 1 across width and height. Depth is measured along
the optical axis, in scene units.

Of a photograph with a mask not all pixels count (`PinholeViews.valid`): what it shows in the others is not
to be used, as if they lay beyond its border.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.geometry.valid_pixels import valid_at, whole_cells

LEAST_DEPTH = 1e-6
"""Of the baseline-free projection: points nearer to the camera's plane count as this far."""


@dataclass(frozen=True)
class PinholeViews:
    """Cameras of some views."""

    intrinsics: Float[Tensor, "views 3 3"]
    """In pixels of `height` x `width`."""
    world_to_camera_cv: Float[Tensor, "views 4 4"]
    """Rigid."""
    height: int
    """Of every view in pixels."""
    width: int
    """Of every view in pixels."""
    valid: Bool[Tensor, "views height width"] | None = None
    """Which pixels count; None where all do."""

    def __len__(self) -> int:
        return len(self.intrinsics)

    def __getitem__(self, chosen: slice | list[int] | Int64[Tensor, " chosen"]) -> "PinholeViews":
        """Some of the views."""
        return replace(
            self,
            intrinsics=self.intrinsics[chosen],
            world_to_camera_cv=self.world_to_camera_cv[chosen],
            valid=None if self.valid is None else self.valid[chosen],
        )

    @property
    def centres(self) -> Float[Tensor, "views 3"]:
        """Of projection, in the world."""
        rotation, translation = (
            self.world_to_camera_cv[:, :3, :3],
            self.world_to_camera_cv[:, :3, 3],
        )
        return -torch.einsum("vji,vj->vi", rotation, translation)

    def to(self, device: torch.device | str) -> "PinholeViews":
        """The same cameras on another device."""
        return replace(
            self,
            intrinsics=self.intrinsics.to(device),
            world_to_camera_cv=self.world_to_camera_cv.to(device),
            valid=None if self.valid is None else self.valid.to(device),
        )

    def resized(self, height: int, width: int) -> "PinholeViews":
        """The same fields of view on another number of pixels; those count that hold none that does not."""
        scale = self.intrinsics.new_tensor([width / self.width, height / self.height, 1.0])
        return replace(
            self,
            intrinsics=self.intrinsics * scale[:, None],
            height=height,
            width=width,
            valid=None if self.valid is None else whole_cells(self.valid, height, width),
        )

    def window(self, top: int, left: int, height: int, width: int) -> "PinholeViews":
        """Part of every view, as a view of its own.

        Args:
            top: first row of pixels.
            left: first column of pixels.
            height: in pixels.
            width: in pixels.
        """
        intrinsics = self.intrinsics.clone()
        intrinsics[:, 0, 2] -= left
        intrinsics[:, 1, 2] -= top
        valid = self.valid
        if valid is not None:
            valid = valid[:, top : top + height, left : left + width]
        return replace(self, intrinsics=intrinsics, height=height, width=width, valid=valid)


@dataclass(frozen=True)
class Projected:
    """Points as the views see them."""

    places: Float[Tensor, "views points 2"]
    """(x, y) from 0 to 1 across the image; beyond it where the view does not see the point."""
    depths: Float[Tensor, "views points"]
    """Negative behind the camera."""
    inside: Bool[Tensor, "views points"]
    """In front of the camera and within the image, in a pixel that counts."""


def project_pinhole(points: Float[Tensor, "points 3"], views: PinholeViews) -> Projected:
    """Where the views see points; whether something hides them is not asked."""
    pose = views.world_to_camera_cv
    local = torch.einsum("vij,pj->vpi", pose[:, :3, :3], points) + pose[:, None, :3, 3]
    depths = local[..., 2]
    pixels = torch.einsum("vij,vpj->vpi", views.intrinsics[:, :2], local)
    size = points.new_tensor([views.width, views.height])
    places = pixels / (depths.clamp_min(LEAST_DEPTH)[..., None] * size)
    inside = (depths > LEAST_DEPTH) & ((places >= 0) & (places <= 1)).all(dim=-1)
    if views.valid is not None:
        inside = inside & valid_at(views.valid, places)
    return Projected(places, depths, inside)


def pixel_rays(
    places: Float[Tensor, "rays 2"], view: PinholeViews
) -> tuple[Float[Tensor, "3"], Float[Tensor, "rays 3"]]:
    """Centre of one view and, for places in its image, directions that advance depth by one.

    A point at depth z on a ray is ``centre + z * direction``.
    """
    size = places.new_tensor([view.width, view.height])
    pixels = torch.cat([places * size, torch.ones_like(places[:, :1])], dim=1)
    local = torch.linalg.solve(view.intrinsics[0], pixels.T).T
    return view.centres[0], local @ view.world_to_camera_cv[0, :3, :3]


def grid_places(
    rows: int, columns: int, device: torch.device | str = "cpu"
) -> Float[Tensor, "cells 2"]:
    """Centres of the cells of a grid over the image, row by row, as places from 0 to 1."""
    y = (torch.arange(rows, device=device) + 0.5) / rows
    x = (torch.arange(columns, device=device) + 0.5) / columns
    down, across = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([across, down], dim=-1).reshape(-1, 2)
