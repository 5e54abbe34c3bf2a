"""Which voxels of a volume cameras see: what is inside of things or behind walls nobody knows."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import volume_weights
from condense_ns.volumes.sparse_volume import SparseVolume

RAYS_AT_ONCE = 1 << 14

Rays = tuple[Float[Tensor, "rays 3"], Float[Tensor, "rays 3"]]
"""Origins and directions."""


def largest_weights(
    volume: SparseVolume, views: Iterable[Rays], nearest: float = 0.0
) -> Float[Tensor, " voxels"]:
    """The largest share of a ray that each voxel stops, over all rays of all views.

    Args:
        volume: what is seen.
        views: rays of each; a voxel between two rays is not seen.
        nearest: t from which rays count, as for `march`.
    """
    largest = torch.zeros_like(volume.density)
    for view in views:
        for origins, directions in zip(*(part.split(RAYS_AT_ONCE) for part in view), strict=True):
            samples = march(volume, origins, directions, nearest=nearest)
            weights = volume_weights(samples, volume.density)[samples.valid]
            largest.scatter_reduce_(0, samples.voxels[samples.valid], weights, "amax")
    return largest
