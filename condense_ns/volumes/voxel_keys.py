"""Voxels as sorted numbers: what is unique, which voxel lies where, means over the voxels.

The key of voxel (x, y, z) is ``((x + B) << 42) + ((y + B) << 21) + (z + B)`` with B = 2^20, an int64.
Keys are ordered as their indices are (first x, then y, then z), and the next voxel along z has the
next key.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Int64, Shaped
from torch import Tensor

BITS = 21
"""Of a key, per axis."""
REACH = 2 ** (BITS - 1) - 2
"""Largest absolute index of a voxel; two less than fits, so that neighbours have keys as well."""
NOWHERE = -1
"""Number of a voxel that is empty."""
_FEW_CHANNELS = 9
"""Up to which torch adds rows so slowly that channels are added one by one."""


def voxel_keys(indices: Int[Tensor, "voxels 3"]) -> Int64[Tensor, " voxels"]:
    """Keys of voxels whose indices are within `REACH`, and of their neighbours."""
    x, y, z = (indices.long() + 2 ** (BITS - 1)).unbind(dim=1)
    return (x << 2 * BITS) + (y << BITS) + z


def key_step(x: int, y: int, z: int) -> int:
    """What the key of the voxel that lies so many voxels farther has more."""
    return (x << 2 * BITS) + (y << BITS) + z


def indices_of(keys: Int64[Tensor, " voxels"]) -> Int64[Tensor, "voxels 3"]:
    """Indices of the voxels with these keys."""
    low = 2**BITS - 1
    parts = [keys >> 2 * BITS, (keys >> BITS) & low, keys & low]
    return torch.stack(parts, dim=1) - 2 ** (BITS - 1)


def within_reach(indices: Int[Tensor, "queries 3"]) -> Bool[Tensor, " queries"]:
    """Whether voxels can have keys."""
    return ((indices >= -REACH) & (indices <= REACH)).all(dim=1)


def grown_keys(keys: Int64[Tensor, " voxels"]) -> Int64[Tensor, " more"]:
    """Sorted keys of voxels and of the 26 around each of them."""
    for shift in (1, 1 << BITS, 1 << 2 * BITS):
        keys = torch.unique(torch.cat([keys - shift, keys, keys + shift]))
    return keys


def find_keys(
    sorted_keys: Int64[Tensor, " voxels"], keys: Int64[Tensor, " queries"]
) -> Int64[Tensor, " queries"]:
    """Numbers of keys among sorted unique ones, `NOWHERE` where there is none."""
    place, found = _places(sorted_keys, keys)
    return torch.where(found, place, NOWHERE)


def find_keys_in_a_row(
    sorted_keys: Int64[Tensor, " voxels"], keys: Int64[Tensor, " queries"], count: int
) -> list[Int64[Tensor, " queries"]]:
    """Numbers of keys and of those that follow them, `count` in all, with one search for all."""
    place, found = _places(sorted_keys, keys)
    numbers = [torch.where(found, place, NOWHERE)]
    for step in range(1, count):
        place = place + found
        found = _entry(sorted_keys, place) == keys + step
        numbers.append(torch.where(found, place, NOWHERE))
    return numbers


def _places(
    sorted_keys: Int64[Tensor, " voxels"], keys: Int64[Tensor, " queries"]
) -> tuple[Int64[Tensor, " queries"], Bool[Tensor, " queries"]]:
    """Where keys are or would be, and whether they are there."""
    place = torch.searchsorted(sorted_keys, keys)
    return place, _entry(sorted_keys, place) == keys


def _entry(
    sorted_keys: Int64[Tensor, " voxels"], places: Int64[Tensor, " queries"]
) -> Int64[Tensor, " queries"]:
    """Keys at places; -1, which is no key, behind the last."""
    if len(sorted_keys) == 0:
        return torch.full_like(places, -1)
    inside = places < len(sorted_keys)
    return torch.where(inside, sorted_keys[places.clamp_max(len(sorted_keys) - 1)], -1)


@dataclass(frozen=True)
class VoxelGroups:
    """Things sorted into the voxels in which they lie."""

    keys: Int64[Tensor, " voxels"]
    """Of the occupied voxels, sorted."""
    voxel_of: Int64[Tensor, " things"]
    """Number of each thing's voxel."""
    counts: Int64[Tensor, " voxels"]
    """Things per voxel, at least one."""

    @classmethod
    def of_keys(cls, keys: Int64[Tensor, " things"]) -> "VoxelGroups":
        """Sorted by the keys of the voxels that they lie in."""
        ordered, order = torch.sort(keys)
        unique, group, counts = torch.unique_consecutive(
            ordered, return_inverse=True, return_counts=True
        )
        voxel_of = torch.empty_like(group)
        voxel_of[order] = group
        return cls(unique, voxel_of, counts)

    def sums(self, values: Shaped[Tensor, "things channels"]) -> Shaped[Tensor, "voxels channels"]:
        """Of the things of each voxel."""
        channels = values.shape[1]
        if channels > _FEW_CHANNELS:
            return values.new_zeros(len(self.keys), channels).index_add_(0, self.voxel_of, values)
        total = values.new_zeros(channels, len(self.keys))
        return total.index_add_(1, self.voxel_of, values.T).T.contiguous()

    def means(self, values: Float[Tensor, "things channels"]) -> Float[Tensor, "voxels channels"]:
        """Over the things of each voxel."""
        return self.sums(values) / self.counts[:, None]
