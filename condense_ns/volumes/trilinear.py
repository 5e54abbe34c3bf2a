"""Values of voxels -> values at continuous positions.

Values belong to the centres of voxels. Between the eight centres around a position they are mixed
linearly; those of empty voxels are unknown, so that the rest gets their weight:

    v(x) = sum_k w_k v_k / sum_k w_k,    k over the occupied ones
"""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import REACH, find_keys_in_a_row, voxel_keys

LEAST_KNOWN = 0.25
"""Share of the weight that occupied voxels must have for a value to be valid."""
_PAIRS = ((0, 0), (0, 1), (1, 0), (1, 1))


def trilinear(
    volume: SparseVolume,
    values: Float[Tensor, "voxels channels"],
    positions: Float[Tensor, "positions 3"],
) -> tuple[Float[Tensor, "positions channels"], Bool[Tensor, " positions"]]:
    """Values at positions, differentiable in the values and the positions.

    Args:
        volume: where the voxels are.
        values: of its voxels, finite.
        positions: in the scene.

    Returns:
        Values, and whether they are valid: those that are not are zero.
    """
    numbers, weights = corner_voxels(volume, positions)
    return interpolated(values, numbers, weights)


def corner_voxels(
    volume: SparseVolume, positions: Float[Tensor, "positions 3"]
) -> tuple[Int64[Tensor, "positions 8"], Float[Tensor, "positions 8"]]:
    """The voxels whose centres surround positions, and their weights.

    Returns:
        Numbers, -1 for empty voxels, and weights, which sum to one with those of the empty ones.
    """
    places = volume.grid_positions(positions) - 0.5
    lowest = places.detach().floor().clamp(-REACH, REACH)
    towards_next = (places - lowest).clamp(0, 1)
    towards = torch.stack([1 - towards_next, towards_next])  # [2 positions 3]
    numbers, weights = [], []
    for x, y in _PAIRS:
        keys = voxel_keys(lowest.long() + lowest.new_tensor([x, y, 0]).long())
        numbers.extend(find_keys_in_a_row(volume.keys, keys, 2))
        aside = towards[x, :, 0] * towards[y, :, 1]
        weights.extend([aside * towards[0, :, 2], aside * towards[1, :, 2]])
    return torch.stack(numbers, dim=1), torch.stack(weights, dim=1)


def interpolated(
    values: Float[Tensor, "voxels channels"],
    numbers: Int64[Tensor, "positions 8"],
    weights: Float[Tensor, "positions 8"],
) -> tuple[Float[Tensor, "positions channels"], Bool[Tensor, " positions"]]:
    """Mixtures of voxels' values, for corners that are looked up once and used often.

    Args:
        values: of all voxels, finite.
        numbers: as from `corner_voxels`.
        weights: likewise.
    """
    occupied = torch.where(numbers >= 0, weights, torch.zeros_like(weights))
    known = occupied.sum(dim=1)
    valid = known >= LEAST_KNOWN
    if len(values) == 0:
        return values.new_zeros(len(numbers), values.shape[1]), valid
    shares = occupied / known.clamp_min(LEAST_KNOWN)[:, None]
    shares = torch.where(valid[:, None], shares, torch.zeros_like(shares))
    mixed = F.embedding_bag(
        numbers.clamp_min(0), values, per_sample_weights=shares.to(values.dtype), mode="sum"
    )
    return mixed, valid
