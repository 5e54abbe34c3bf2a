"""Which voxels of a volume cameras see: what is inside of things or behind walls nobody knows."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import volume_weights
from condense_ns.volumes.sparse_volume import SparseVolume

RAYS_AT_ONCE = 1 << 14


def largest_weights(
    volume: SparseVolume, views: PinholeViews, rows: int, columns: int
) -> Float[Tensor, " voxels"]:
    """The largest share of a ray that each voxel stops, over all rays of all views.

    Args:
        volume: what is seen.
        views: cameras.
        rows: of the grid of rays over each view; a voxel between two rays is not seen.
        columns: of that grid.
    """
    largest = torch.zeros_like(volume.density)
    places = grid_places(rows, columns, volume.density.device)
    for view in range(len(views)):
        for part in places.split(RAYS_AT_ONCE):
            centre, directions = pixel_rays(part, views[[view]])
            samples = march(volume, centre.expand_as(directions), directions)
            weights = volume_weights(samples, volume.density)[samples.valid]
            largest.scatter_reduce_(0, samples.voxels[samples.valid], weights, "amax")
    return largest
