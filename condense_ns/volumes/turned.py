"""A volume turned by quarters about the vertical, or mirrored: the same scene to a network, other numbers.

Voxels are turned about the volume's origin, so that those that lay in one larger voxel still do. Only
voxels and normals turn; whoever keeps cameras or points beside the volume goes on with the first one's.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import voxel_keys

TURNS = 8
"""Four quarters, each as it is and mirrored; the first one changes nothing."""
_AXES = ((0, 1), (1, 0))
_SIGNS = ((1, 1), (-1, 1), (1, -1), (-1, -1))


@dataclass(frozen=True)
class TurnedVolume:
    """The volume and what became of the voxels."""

    volume: SparseVolume
    numbers: Int64[Tensor, " voxels"]
    """New number of each voxel of the first volume."""


def turned(volume: SparseVolume, turn: int) -> TurnedVolume:
    """One of the eight ways in which a scene may stand on its floor.

    Args:
        volume: with the third axis upright.
        turn: from 0 to 7.
    """
    axes, signs = _axes_and_signs(turn, volume.normal)
    # Voxel i spans i..i+1, so that mirrored it spans -i-1..-i.
    indices = volume.voxel_indices[:, axes]
    indices = torch.where(signs > 0, indices, -indices - 1)
    order = voxel_keys(indices).argsort()
    numbers = torch.empty_like(order)
    numbers[order] = torch.arange(len(order), device=order.device)
    changed = replace(
        volume,
        voxel_indices=indices,
        normal=turned_places(volume.normal, turn),
    )
    return TurnedVolume(changed.chosen(order), numbers)


def turned_places(places: Float[Tensor, "places 3"], turn: int) -> Float[Tensor, "places 3"]:
    """Directions, or places counted in voxels from the volume's origin, turned as its voxels are."""
    axes, signs = _axes_and_signs(turn, places)
    return places[:, axes] * signs


def _axes_and_signs(turn: int, like: Tensor) -> tuple[list[int], Float[Tensor, "3"]]:
    """Which axis becomes the first, second, third one, and what it is multiplied with."""
    first, second = _AXES[turn % 2]
    return [first, second, 2], like.new_tensor([*_SIGNS[turn // 2], 1])
