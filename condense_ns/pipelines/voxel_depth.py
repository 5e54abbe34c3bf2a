"""Depth that cameras see, from a scene's voxels: for photographs without depth images."""

from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.geometry.pinhole import PinholeViews, pixel_rays
from condense_ns.pipelines.scene_lifting import open_scene
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import SURFACE, mean_depth, opacity, volume_weights
from condense_ns.volumes.sparse_volume import SparseVolume

IMAGE_SIZE = 256
"""Longest side in pixels at which depth images, or photographs, are read for the voxels."""
MOST_VOXELS = 200_000
"""The resolution is halved until there are no more."""


class VoxelDepth:
    """The voxels of a scene, looked at.

    Args:
        folder: of the scene, with depth images, points, or photographs that overlap.
        views: numbers of the photographs that tell the voxels; None takes those for training.
        device: where to compute.

    Raises:
        UserError: as for `open_scene` and `volume_of_scene`.
    """

    def __init__(
        self, folder: Path, views: Sequence[int] | None = None, device: str = "cpu"
    ) -> None:
        scene = open_scene(folder, IMAGE_SIZE)
        if views is not None:
            scene.training = list(views)
        self.volume = volume_of_scene(scene).at_most(MOST_VOXELS).to(device)
        self._device = device

    @torch.no_grad()
    def depths(self, view: PinholeViews, places: Float[Tensor, "rays 2"]) -> Float[Tensor, " rays"]:
        """Rendered depth along the optical axis, 0 where less than half of a ray is stopped, on the CPU.

        Args:
            view: one camera.
            places: (x, y) from 0 to 1 across its image.
        """
        there = rendered_depths(self.volume, view.to(self._device), places.to(self._device))
        return there.cpu()


def rendered_depths(
    volume: SparseVolume, view: PinholeViews, places: Float[Tensor, "rays 2"]
) -> Float[Tensor, " rays"]:
    """Depth of a volume along the optical axis, 0 where less than half of a ray is stopped.

    Args:
        volume: on any device.
        view: one camera, on the same device.
        places: (x, y) from 0 to 1 across its image.
    """
    centre, directions = pixel_rays(places, view)
    samples = march(volume, centre.expand_as(directions), directions)
    weights = volume_weights(samples, volume.density)
    return mean_depth(samples, weights) * (opacity(weights) >= SURFACE)
