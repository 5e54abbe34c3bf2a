"""The occupied voxels of a scene with what is known of them: the one input of the 3D backbone.

Voxel (x, y, z) is the cube from ``origin + voxel_size * (x, y, z)`` to the same with (x+1, y+1, z+1);
its centre is at index + 0.5. Lengths are scene units. Voxels are in the order of their indices: first
x, then y, then z.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import torch
from jaxtyping import Bool, Float, Float64, Int, Int32, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.volumes.voxel_keys import (
    NOWHERE,
    VoxelGroups,
    find_keys,
    indices_of,
    voxel_keys,
    within_reach,
)

Kind = Literal["radiance", "depth", "points"]
KINDS: tuple[Kind, ...] = ("radiance", "depth", "points")
GREY = 0.5
"""A colour that stands for none."""


@dataclass(frozen=True)
class SparseVolume:
    """Occupied voxels."""

    voxel_indices: Int32[Tensor, "voxels 3"]
    """No two alike, sorted."""
    voxel_size: float
    """Edge of a voxel."""
    origin: Float64[Tensor, "3"]
    """Lowest corner of voxel (0, 0, 0)."""
    density: Float[Tensor, " voxels"]
    """At least 0, per scene unit; how it comes about depends on the kind."""
    colour: Float[Tensor, "voxels 3"]
    """RGB in [0, 1]."""
    normal: Float[Tensor, "voxels 3"]
    """Unit length, towards free space; zero where unknown."""
    kind: Kind
    """What it was made from."""
    features: Float[Tensor, "voxels channels"] | None = None
    """Of an encoder, or of a network that stands for one."""
    encoder: str = ""
    """Specification of that encoder."""
    provenance: dict[str, str] = field(default_factory=dict)
    """Where the volume comes from, for people."""

    def __len__(self) -> int:
        return len(self.voxel_indices)

    @cached_property
    def keys(self) -> Int64[Tensor, " voxels"]:
        """Of the voxels, increasing; see `voxel_keys`."""
        return voxel_keys(self.voxel_indices)

    @property
    def centres(self) -> Float[Tensor, "voxels 3"]:
        """Of the voxels in the scene, worked out in double and given in single precision."""
        return (self.origin + (self.voxel_indices.double() + 0.5) * self.voxel_size).float()

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        known = (self.voxel_indices, self.density, self.colour, self.normal, self.features)
        return sum(values.nbytes for values in known if values is not None)

    def grid_positions(self, positions: Float[Tensor, "positions 3"]) -> Float[Tensor, "places 3"]:
        """Places in the scene, counted in voxels from the origin."""
        local = (positions.double() - self.origin) / self.voxel_size
        return local.to(positions.dtype)

    def numbers_at(self, indices: Int[Tensor, "queries 3"]) -> Int64[Tensor, " queries"]:
        """Numbers of the voxels with these indices, -1 where there is none."""
        keys = torch.where(within_reach(indices), voxel_keys(indices), NOWHERE)
        return find_keys(self.keys, keys)

    def chosen(self, voxels: Int64[Tensor, " chosen"]) -> "SparseVolume":
        """Some of the voxels, given by increasing numbers."""
        features = None if self.features is None else self.features[voxels]
        return replace(
            self,
            voxel_indices=self.voxel_indices[voxels],
            density=self.density[voxels],
            colour=self.colour[voxels],
            normal=self.normal[voxels],
            features=features,
        )

    def cropped(self, low: Float[Tensor, "3"], high: Float[Tensor, "3"]) -> "SparseVolume":
        """The voxels whose centres lie in a box, borders included."""
        centres = self.centres
        inside = ((centres >= low) & (centres <= high)).all(dim=1)
        return self.chosen(torch.nonzero(inside)[:, 0])

    def merged(self, halvings: int) -> "SparseVolume":
        """The same scene in voxels that are 2^halvings times as large.

        Colour, normal and features are means over the occupied voxels within. Empty ones count for
        the density, so that a ray meets about as much on its way as before.

        Args:
            halvings: of the resolution, 0 or more.
        """
        groups = VoxelGroups.of_keys(voxel_keys(self.voxel_indices >> halvings))
        density = groups.sums(self.density[:, None])[:, 0] / 8**halvings
        return replace(
            self,
            voxel_indices=indices_of(groups.keys).int(),
            voxel_size=self.voxel_size * 2**halvings,
            density=density,
            colour=groups.means(self.colour),
            normal=F.normalize(groups.means(self.normal), dim=1, eps=1e-6),
            features=None if self.features is None else groups.means(self.features),
        )

    @property
    def coloured(self) -> Bool[Tensor, ""]:
        """Whether any voxel has a colour."""
        return (self.colour != GREY).any()

    def without_colour(self) -> "SparseVolume":
        """The same shapes, all of them grey."""
        return replace(self, colour=torch.full_like(self.colour, GREY))

    def at_most(self, voxels: int) -> "SparseVolume":
        """The same scene in as few halvings of the resolution as leave no more than so many voxels."""
        halvings, coarse = 0, self
        while len(coarse) > max(1, voxels):
            halvings += 1
            coarse = self.merged(halvings)
        return coarse

    def to(self, device: torch.device | str) -> "SparseVolume":
        """The same volume on another device."""
        features = None if self.features is None else self.features.to(device)
        return replace(
            self,
            voxel_indices=self.voxel_indices.to(device),
            origin=self.origin.to(device),
            density=self.density.to(device),
            colour=self.colour.to(device),
            normal=self.normal.to(device),
            features=features,
        )
