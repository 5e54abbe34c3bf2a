"""What views see of a volume at the centres of an encoder's cells: worked out once, used in every step.

The density of a volume does not learn, so that the weights of `methods.md` 1.3 are numbers of the scene:
which voxels a ray meets and how much each of them counts. With them a step of training is a few lookups.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.geometry.valid_pixels import telling_cells
from condense_ns.rendering.accumulation import strongest_samples
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import (
    mean_depth,
    opacity,
    surface_weights,
    volume_weights,
)
from condense_ns.volumes.sparse_volume import SparseVolume

SAMPLES = 12
"""Voxels of a ray that are kept, those that stop most of it."""
_TENSORS = ("voxels", "weights", "surface", "depth", "points", "counted")


@dataclass(frozen=True)
class SeenCells:
    """Cells of some views of one volume."""

    rows: int
    columns: int
    voxels: Int64[Tensor, "views cells samples"]
    """Numbers of voxels; any where the weight is zero."""
    weights: Float[Tensor, "views cells samples"]
    """Share of the ray that each voxel stops."""
    surface: Int64[Tensor, "views cells"]
    """Number of the voxel in which half of the ray is stopped, -1 where it never is."""
    depth: Float[Tensor, "views cells"]
    """Along the optical axis, 0 where nothing is seen."""
    points: Float[Tensor, "views cells 3"]
    """On the surface, in the scene; the camera's centre where nothing is seen."""
    counted: Bool[Tensor, "views cells"]
    """Whether the photograph counts there; nothing is seen where it does not."""

    def __len__(self) -> int:
        return len(self.voxels)

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return sum(getattr(self, name).nbytes for name in _TENSORS)

    @property
    def visible(self) -> Bool[Tensor, "views cells"]:
        """Whether a surface is seen."""
        return self.surface >= 0

    @property
    def opacity(self) -> Float[Tensor, "views cells"]:
        """Share of each ray that is stopped."""
        return self.weights.sum(dim=2)

    def composite(
        self, values: Float[Tensor, "voxels channels"]
    ) -> Float[Tensor, "views cells channels"]:
        """Volume-rendered values: weighted means along the rays, zero where nothing is seen."""
        shares = self.weights / self.opacity.clamp_min(1e-6)[..., None]
        mixed = F.embedding_bag(
            self.voxels.flatten(0, 1),
            values,
            per_sample_weights=shares.flatten(0, 1).to(values.dtype),
            mode="sum",
        )
        return mixed.unflatten(0, self.surface.shape)

    def projected(
        self, values: Float[Tensor, "voxels channels"]
    ) -> Float[Tensor, "views cells channels"]:
        """Values of the visible voxels alone (MVNet), zero where none is."""
        return values[self.surface.clamp_min(0)] * self.visible[..., None]

    def renumbered(self, numbers: Int64[Tensor, " voxels"]) -> "SeenCells":
        """For the same volume with its voxels in another order.

        Args:
            numbers: new number of each voxel.
        """
        surface = torch.where(self.visible, numbers[self.surface.clamp_min(0)], self.surface)
        return replace(self, voxels=numbers[self.voxels], surface=surface)

    def to(self, device: torch.device | str) -> "SeenCells":
        """The same cells on another device."""
        moved = {name: getattr(self, name).to(device, non_blocking=True) for name in _TENSORS}
        return replace(self, **moved)


def seen_cells(volume: SparseVolume, view: PinholeViews, rows: int, columns: int) -> SeenCells:
    """What one view sees at the centres of a grid.

    Args:
        volume: with at least one voxel.
        view: one camera, on the volume's device, that knows which of its pixels count.
        rows: of the grid.
        columns: of the grid.
    """
    places = grid_places(rows, columns, volume.density.device)
    centre, directions = pixel_rays(places, view)
    samples = march(volume, centre.expand_as(directions), directions)
    counted = torch.ones(len(places), dtype=torch.bool, device=places.device)
    if view.valid is not None:
        counted = telling_cells(view.valid, rows, columns).flatten()
    weights = volume_weights(samples, volume.density) * counted[:, None]
    at_surface, where = surface_weights(weights).max(dim=1)
    surface = samples.voxels.gather(1, where[:, None])[:, 0]
    depth = mean_depth(samples, weights) * (opacity(weights) > 0)
    kept, order = strongest_samples(weights, SAMPLES)
    voxels = samples.voxels.gather(1, order).clamp_min(0)
    missing = (0, SAMPLES - kept.shape[1])
    return SeenCells(
        rows=rows,
        columns=columns,
        voxels=F.pad(voxels, missing)[None],
        weights=F.pad(kept, missing)[None],
        surface=torch.where(at_surface > 0, surface, -torch.ones_like(surface))[None],
        depth=depth[None],
        points=(centre + depth[:, None] * directions)[None],
        counted=counted[None],
    )


def measured(cells: SeenCells, view: PinholeViews, depth: Float[Tensor, " cells"]) -> SeenCells:
    """Cells whose surfaces lie where a depth image has them; voxels are too coarse to match two maps by.

    Args:
        cells: of one view.
        view: its camera, on their device.
        depth: at their centres, along the optical axis; where it is 0, cells stay as they are.
    """
    places = grid_places(cells.rows, cells.columns, cells.depth.device)
    centre, directions = pixel_rays(places, view)
    known = (depth > 0) & cells.visible[0]
    depth = torch.where(known, depth, cells.depth[0])
    points = torch.where(known[:, None], centre + depth[:, None] * directions, cells.points[0])
    return replace(cells, depth=depth[None], points=points[None])


def stacked_cells(views: list[SeenCells]) -> SeenCells:
    """The cells of several views that have the same grid."""
    joined = {name: torch.cat([getattr(one, name) for one in views]) for name in _TENSORS}
    return replace(views[0], **joined)
