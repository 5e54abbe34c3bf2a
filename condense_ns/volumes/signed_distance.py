"""Signed distances of places from surfaces, averaged over depth images.

B. Curless and M. Levoy, A volumetric method for building complex models from range images, 1996. A view
with depth D(u) puts the surface at the distance

    s_v(x) = (D(u) - z(x)) * |n . d|        positive before the surface

from a place x (`depth_surfaces`), of which at most the truncation counts. Views behind whose surface x
lies do not see it and say nothing; those before whose surface it lies call it free, so that what a single
view has made up (a floater) is outvoted. The mean is weighted with |n . d|.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import PinholeViews, project_pinhole
from condense_ns.volumes.depth_surfaces import PosedDepth, depth_surface
from condense_ns.volumes.sparse_volume import GREY

NEAR = 1.5
"""Distance in voxels from the surface up to which a pixel's colour and normal are those of a voxel."""
LEAST_SLANT = 0.2
"""|n . d| up to which a surface is seen so much from the side that it may be the rim of two."""


@dataclass
class DistanceSums:
    """Over the views, for each place."""

    places: Float[Tensor, "voxels 3"]
    """In the world."""
    voxel_size: float
    truncation: float
    """In voxels."""
    weight: Float[Tensor, " voxels"]
    distance: Float[Tensor, " voxels"]
    """In voxels."""
    near_views: Float[Tensor, " voxels"]
    near_weight: Float[Tensor, " voxels"]
    colour: Float[Tensor, "voxels 3"]
    normal: Float[Tensor, "voxels 3"]

    @classmethod
    def none(
        cls, places: Float[Tensor, "voxels 3"], voxel_size: float, truncation: float
    ) -> "DistanceSums":
        """Before the first view."""
        weight, distance, near_views, near_weight = torch.zeros(4, len(places))
        colour, normal = torch.zeros(2, *places.shape)
        return cls(
            places,
            voxel_size,
            truncation,
            weight,
            distance,
            near_views,
            near_weight,
            colour,
            normal,
        )

    @property
    def mean_distance(self) -> Float[Tensor, " voxels"]:
        """In voxels; 0 where no view says anything."""
        return self.distance / self.weight.clamp_min(1e-6)

    @property
    def mean_colour(self) -> Float[Tensor, "voxels 3"]:
        """RGB of the surfaces nearby."""
        return self.colour / self.near_weight.clamp_min(1e-6)[:, None]

    @property
    def mean_normal(self) -> Float[Tensor, "voxels 3"]:
        """Unit length; zero where no view tells."""
        return F.normalize(self.normal, dim=1, eps=1e-6)

    def add(self, view: PosedDepth, camera: PinholeViews) -> None:
        """What one view says.

        Args:
            view: its depth, 0 where unknown.
            camera: one view.
        """
        landed = project_pinhole(self.places, camera)
        voxels = torch.nonzero(landed.inside[0])[:, 0]
        surface = depth_surface(view.depth, camera)
        pixels = _pixels(landed.places[0, voxels], view.depth)
        before = view.depth.flatten()[pixels] - landed.depths[0, voxels]
        slant = surface.slant.flatten()[pixels]
        # At a rim the slant is that of no surface: the distance along the axis counts, but little.
        told = slant > LEAST_SLANT
        distance = torch.where(told, slant, 1.0) * before / self.voxel_size
        slant = slant.clamp_min(LEAST_SLANT)
        seen = (view.depth.flatten()[pixels] > 0) & (distance > -self.truncation)
        self.weight.index_add_(0, voxels, slant * seen)
        self.distance.index_add_(0, voxels, slant * seen * distance.clamp_max(self.truncation))
        near = seen & (distance.abs() < NEAR)
        voxels, pixels, slant = voxels[near], pixels[near], slant[near]
        normals = surface.normals.reshape(-1, 3)[pixels]
        if view.image is None:
            colours = torch.full_like(normals, GREY)
        else:
            colours = sample_maps(view.image[None], landed.places[:, voxels])[0]
        self.near_views.index_add_(0, voxels, torch.ones_like(slant))
        self.near_weight.index_add_(0, voxels, slant)
        self.colour.index_add_(0, voxels, colours * slant[:, None])
        self.normal.index_add_(0, voxels, normals * slant[:, None])


def _pixels(
    places: Float[Tensor, "places 2"], depth: Float[Tensor, "height width"]
) -> Int64[Tensor, " places"]:
    """Row-major numbers of the pixels in which places from 0 to 1 lie."""
    height, width = depth.shape
    column = (places[:, 0] * width).long().clamp_max(width - 1)
    row = (places[:, 1] * height).long().clamp_max(height - 1)
    return row * width + column
