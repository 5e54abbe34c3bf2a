"""Whole pictures of a volume and of what a network says of its voxels."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import (
    composite_voxels,
    mean_depth,
    opacity,
    volume_weights,
)
from condense_ns.volumes.sparse_volume import SparseVolume

RAYS_AT_ONCE = 1 << 14


@dataclass(frozen=True)
class LookAtVolume:
    """A camera in a scene."""

    volume: SparseVolume
    camera: PinholeViews
    """One view."""
    latents: Float[Tensor, "voxels latent"]
    """Of the volume's voxels."""


@dataclass(frozen=True)
class RenderedVolume:
    """Everything is zero where nothing is seen."""

    rgb: Float[Tensor, "height width 3"]
    depth: Float[Tensor, "height width 1"]
    """Along the optical axis."""
    accumulation: Float[Tensor, "height width 1"]
    latents: Float[Tensor, "height width latent"]


def render_volume(look: LookAtVolume, height: int, width: int) -> RenderedVolume:
    """A picture of so many pixels."""
    centre, directions = pixel_rays(grid_places(height, width, look.latents.device), look.camera)
    values = torch.cat([look.volume.colour, look.latents], dim=1)
    mixed, depths, stopped = [], [], []
    for part in directions.split(RAYS_AT_ONCE):
        samples = march(look.volume, centre.expand_as(part), part)
        weights = volume_weights(samples, look.volume.density)
        mixed.append(composite_voxels(samples, weights, values))
        stopped.append(opacity(weights))
        depths.append(mean_depth(samples, weights))
    everything, accumulation = torch.cat(mixed), torch.cat(stopped)
    return RenderedVolume(
        rgb=(everything[:, :3] * accumulation[:, None]).reshape(height, width, 3),
        depth=torch.cat(depths).reshape(height, width, 1),
        accumulation=accumulation.reshape(height, width, 1),
        latents=everything[:, 3:].reshape(height, width, -1),
    )
