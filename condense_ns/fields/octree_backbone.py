"""SparseVolume -> a latent feature per voxel: the octree U-Net, for scenes that it has never seen.

The ideas of `methods.md` sections 1.4 and 2.2: sparse convolutions over occupied voxels, at the input's
resolution and at 2, 4, 8 and 16 times its voxel size, with connections across (ConDense's released nets
have none and end at stride 2, which loses detail). Blocks, sizes, norm and inputs are our design.
Voxels are normalised one by one, so that neither the batch nor the size of a scene changes an answer.

Our count of parameters, inputs for three kinds of sources and a latent of 64 included:

    preset   channels per level     blocks down   blocks up   parameters   float32   float16
    S         32  48  64  96 128     1 1 1 1 1     1 1 1 1        3.1 M     12 MB      6 MB
    M         48  64  96 160 256     1 2 2 2 2     1 1 1 1       14.8 M     59 MB     30 MB
    L         64  96 160 256 384     2 2 3 3 3     2 2 2 2       54.2 M    217 MB    108 MB
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.fields.input_adapters import InputAdapters, refuse_not_finite
from condense_ns.fields.sparse_convolution import Doubling, Halving, SparseConvolution
from condense_ns.fields.voxel_pyramid import VoxelLevel, VoxelPyramid, voxel_pyramid
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.trilinear import trilinear


@dataclass(frozen=True)
class BackbonePreset:
    """Sizes of a backbone."""

    widths: tuple[int, ...]
    """Channels of each level, from fine to coarse."""
    blocks_down: tuple[int, ...]
    """Residual blocks of each level on the way to the coarsest one."""
    blocks_up: tuple[int, ...]
    """Residual blocks of each level but the coarsest, from fine to coarse, on the way back."""


LEVELS = 5
"""Resolutions of every preset."""
PRESETS: dict[str, BackbonePreset] = {
    "S": BackbonePreset((32, 48, 64, 96, 128), (1, 1, 1, 1, 1), (1, 1, 1, 1)),
    "M": BackbonePreset((48, 64, 96, 160, 256), (1, 2, 2, 2, 2), (1, 1, 1, 1)),
    "L": BackbonePreset((64, 96, 160, 256, 384), (2, 2, 3, 3, 3), (2, 2, 2, 2)),
}


class OctreeBackbone(nn.Module):
    """The U-Net with its input adapters.

    Weights are drawn from torch's generator: seed it to get the same backbone.

    Args:
        preset: S, M or L.
        latent_dim: numbers per voxel in the answer; `FeatureDecoder`s read them.

    Raises:
        UserError: no such preset.
    """

    def __init__(self, preset: str = "S", latent_dim: int = 64) -> None:
        super().__init__()
        if preset not in PRESETS:
            raise UserError(f"no backbone preset {preset!r}; use one of {', '.join(PRESETS)}")
        self.preset = preset
        self.latent_dim = latent_dim
        sizes = PRESETS[preset]
        widths, finer = sizes.widths, sizes.widths[:-1]
        steps = list(zip(finer, widths[1:], strict=True))
        self.adapters = InputAdapters(widths[0])
        self.stem = SparseConvolution(widths[0], widths[0])
        self.down = nn.ModuleList(map(_Blocks, widths, sizes.blocks_down))
        self.halvings = nn.ModuleList(Halving(fine, coarse) for fine, coarse in steps)
        self.doublings = nn.ModuleList(Doubling(coarse, fine) for fine, coarse in steps)
        self.across = nn.ModuleList(nn.Linear(width, width, bias=False) for width in finer)
        self.up = nn.ModuleList(map(_Blocks, finer, sizes.blocks_up))
        self.head = nn.Sequential(nn.LayerNorm(widths[0]), nn.Linear(widths[0], latent_dim))

    @property
    def num_levels(self) -> int:
        """Resolutions; the coarsest voxels are 2^(num_levels - 1) times as large as the input's."""
        return len(self.down)

    def pyramid(self, volumes: Sequence[SparseVolume]) -> VoxelPyramid:
        """What of volumes does not change while the backbone learns; keep it for many steps.

        Raises:
            UserError: voxels that are not sorted, or too far apart, or values that are not finite.
        """
        for volume in volumes:
            refuse_not_finite(volume)
        return voxel_pyramid([volume.voxel_indices for volume in volumes], self.num_levels)

    def forward(
        self, volumes: Sequence[SparseVolume], pyramid: VoxelPyramid | None = None
    ) -> list[Float[Tensor, "_ latent"]]:
        """Latents of the voxels of each scene.

        Args:
            volumes: scenes of any kinds of source, at least one, all on the backbone's device.
            pyramid: of these volumes, if it is at hand.

        Raises:
            UserError: a volume cannot be used, or the pyramid is of other volumes.
        """
        if not volumes:
            raise UserError("no volume is given to the backbone; give at least one")
        pyramid = pyramid or self.pyramid(volumes)
        if pyramid.scene_sizes != tuple(len(volume) for volume in volumes):
            raise UserError(
                f"the pyramid is of scenes of {pyramid.scene_sizes} voxels, the volumes have "
                f"{tuple(len(volume) for volume in volumes)}; build it from these volumes"
            )
        inputs = torch.cat([self.adapters(volume) for volume in volumes])
        latents = self.head(self._u_net(inputs, pyramid.levels))
        return list(latents.split(pyramid.scene_sizes))

    def features_at(
        self, volume: SparseVolume, positions: Float[Tensor, "positions 3"]
    ) -> tuple[Float[Tensor, "positions latent"], Bool[Tensor, " positions"]]:
        """Latents at any positions of one scene, and whether they are valid.

        For many calls on one volume, keep the answer of `forward` and use `trilinear`.
        """
        return trilinear(volume, self([volume])[0], positions)

    def _u_net(
        self, features: Float[Tensor, "voxels width"], levels: tuple[VoxelLevel, ...]
    ) -> Float[Tensor, "voxels width"]:
        """Down to the coarsest level and back."""
        features = self.stem(features, levels[0])
        kept = []
        for number, blocks in enumerate(self.down):
            features = blocks(features, levels[number])
            if number < len(self.halvings):
                kept.append(features)
                features = self.halvings[number](features, levels[number], levels[number + 1])
        for number in reversed(range(len(self.up))):
            features = self.doublings[number](features, levels[number])
            features = features + self.across[number](kept[number])
            features = self.up[number](features, levels[number])
        return features


class _Blocks(nn.Module):
    """Residual blocks of one level: norm, ReLU, convolution, twice.

    Args:
        width: channels.
        count: blocks.
    """

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * count))
        self.convolutions = nn.ModuleList(SparseConvolution(width, width) for _ in range(2 * count))

    def forward(
        self, features: Float[Tensor, "voxels width"], level: VoxelLevel
    ) -> Float[Tensor, "voxels width"]:
        """Features of the same voxels."""
        inner = features
        for number, (norm, convolution) in enumerate(
            zip(self.norms, self.convolutions, strict=True)
        ):
            inner = convolution(F.relu(norm(inner)), level)
            if number % 2:
                features = inner = features + inner
        return features
