"""Features of photographs that tell what is the same place in several of them.

A small convolutional network with two outputs: matching features in cells of 4 pixels for the plane
sweep, guiding features in cells of 2 pixels for blending. Cells are centred on their pixels (kernels
of even strides are even), so that places from 0 to 1 mean the same in images and maps; images are
padded to whole cells at the lower right, which `Extent` accounts for.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

COARSEST = 8
"""Pixels of the coarsest cells."""
MATCHING, GUIDING = 16, 13
"""Channels."""


@dataclass(frozen=True)
class SourceMaps:
    """What the network makes of the sources."""

    images: Float[Tensor, "sources 3 height width"]
    """RGB in [0, 1], padded."""
    matching: Float[Tensor, "sources matching_channels quarter_height quarter_width"]
    """In cells of 4 pixels; the mean square over the channels is one."""
    guiding: Float[Tensor, "sources guiding_channels half_height half_width"]
    """In cells of 2 pixels."""
    extent: tuple[float, float]
    """Share of the padded width and height that the photographs cover."""

    def padded(
        self, places: Float[Tensor, "sources points 2"]
    ) -> Float[Tensor, "sources points 2"]:
        """Places in the padded maps of places in the photographs."""
        return places * places.new_tensor(self.extent)

    def first(self, count: int) -> "SourceMaps":
        """Those of the first sources."""
        return SourceMaps(
            self.images[:count], self.matching[:count], self.guiding[:count], self.extent
        )


class SourceFeatures(nn.Module):
    """Photographs -> `SourceMaps`; works on any number of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.at_full = _convolutions(3, 8)
        self.at_half = nn.Sequential(_halving(8, 16), *_convolutions(16, 16))
        self.at_quarter = nn.Sequential(_halving(16, 32), *_convolutions(32, 32))
        self.at_eighth = nn.Sequential(_halving(32, 48), *_convolutions(48, 48, 48))
        self.quarter_merged = _merging(32 + 48, 32)
        self.half_merged = _merging(16 + 32, 16)
        self.to_matching = nn.Conv2d(32, MATCHING, 1)
        self.to_guiding = nn.Conv2d(16, GUIDING, 1)

    def forward(self, images: Float[Tensor, "sources 3 height width"]) -> SourceMaps:
        """Maps of RGB images in [0, 1]; brightness and contrast common to all are taken out first."""
        height, width = images.shape[-2:]
        padding = (0, -width % COARSEST, 0, -height % COARSEST)
        padded = F.pad(images, padding, mode="replicate") if any(padding) else images
        extent = (width / padded.shape[-1], height / padded.shape[-2])
        full = self.at_full((padded - images.mean()) / images.std().clamp_min(1e-2))
        half = self.at_half(full)
        quarter = self.at_quarter(half)
        eighth = self.at_eighth(quarter)
        quarter = self.quarter_merged(torch.cat([quarter, _twice(eighth)], dim=1))
        half = self.half_merged(torch.cat([half, _twice(quarter)], dim=1))
        matching = F.normalize(self.to_matching(quarter), dim=1) * MATCHING**0.5
        return SourceMaps(padded, matching, self.to_guiding(half), extent)


def _convolutions(*channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, padding=1, padding_mode="replicate"), nn.ReLU(True)]
    return nn.Sequential(*layers)


def _merging(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 1), *_convolutions(after, after))


def _halving(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 4, stride=2, padding=1), nn.ReLU(True))


def _twice(maps: Float[Tensor, "maps channels rows columns"]) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
