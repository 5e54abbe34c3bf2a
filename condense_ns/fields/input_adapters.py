"""What is known of a voxel -> the input of the 3D backbone, one small network per kind of source.

Density, colour and normal of a fitted radiance field, of depth images and of points mean different
things. Each kind has an adapter of its own to the width of the backbone's first layer, and one backbone
serves all. Inputs of a voxel, all of the order of 1, zero where unknown:

    opacity      1 - exp(-density * voxel_size), of a ray that crosses the voxel
    colour       2 c - 1 for c in [0, 1]; grey (0.5) stands for unknown
    normal       unit length, or zero
    coloured     1 if any voxel of the volume is not grey
    oriented     1 if the normal is known
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.errors import UserError
from condense_ns.volumes.sparse_volume import KINDS, SparseVolume

INPUTS = 9
"""Numbers per voxel."""


def backbone_inputs(volume: SparseVolume) -> Float[Tensor, "voxels 9"]:
    """The inputs of a volume's voxels; no position is among them."""
    opacity = 1 - torch.exp(-volume.density * volume.voxel_size)
    colour = 2 * volume.colour - 1
    coloured = volume.coloured.expand(len(volume), 1)
    oriented = (volume.normal != 0).any(dim=1, keepdim=True)
    parts = [opacity[:, None], colour, volume.normal, coloured, oriented]
    return torch.cat([part.float() for part in parts], dim=1)


def refuse_not_finite(volume: SparseVolume) -> None:
    """Once for each volume: the answer makes the processor wait for the device.

    Raises:
        UserError: the volume holds values that are not finite.
    """
    if not torch.isfinite(backbone_inputs(volume).sum()):
        raise UserError(
            "a volume holds a density, colour or normal that is not finite; make it anew"
        )


class InputAdapters(nn.Module):
    """One network per kind of source.

    Args:
        width: of the backbone's first layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.of_kind = nn.ModuleDict({kind: _adapter(width) for kind in KINDS})

    def forward(self, volume: SparseVolume) -> Float[Tensor, "voxels width"]:
        """The backbone's input for a volume's voxels; whether values are finite is not asked.

        Raises:
            UserError: the volume is of an unknown kind.
        """
        if volume.kind not in KINDS:
            raise UserError(
                f"a volume of kind {volume.kind!r} has no input adapter; use one of {', '.join(KINDS)}"
            )
        return self.of_kind[volume.kind](backbone_inputs(volume))


def _adapter(width: int) -> nn.Sequential:
    """One hidden layer."""
    return nn.Sequential(nn.Linear(INPUTS, width), nn.GELU(), nn.Linear(width, width))
