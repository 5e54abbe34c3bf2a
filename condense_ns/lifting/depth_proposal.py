"""Where along the rays of a target view the surface may lie, from its sources alone (`methods.md` 3.2).

A plane sweep: matching features of the sources meet on planes before the target; where they agree,
there may be a surface. A small 3D U-Net reads how they agree, and answers a distribution over the
planes for each cell of 4 pixels. Planes are uniform in inverse depth; `index` counts them from the
nearest, with fractions. Nothing depends on the scale of the scene or the order of its sources.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.lifting.source_agreement import SourceAgreement
from condense_ns.lifting.source_features import MATCHING, SourceMaps
from condense_ns.lifting.volume_convolution import convolution

CELL = 4
"""Pixels of the target per cell of the proposal."""


@dataclass(frozen=True)
class DepthPlanes:
    """Planes of equal depth before a target, uniform in inverse depth."""

    near: float
    far: float
    count: int

    def depth(self, index: Float[Tensor, "*places"]) -> Float[Tensor, "*places"]:
        """Depth at a fractional number of plane; 0 is the nearest."""
        step = (1 / self.far - 1 / self.near) / (self.count - 1)
        return 1 / (1 / self.near + step * index)

    def index(self, depth: Float[Tensor, "*places"]) -> Float[Tensor, "*places"]:
        """Number of plane of a depth, with fractions; outside [0, count) beyond the planes."""
        step = (1 / self.far - 1 / self.near) / (self.count - 1)
        return (1 / depth - 1 / self.near) / step


@dataclass(frozen=True)
class DepthProposal:
    """Distributions over the planes."""

    planes: DepthPlanes
    log_probabilities: Float[Tensor, "planes rows columns"]
    """Of each cell, normalised."""
    extent: tuple[float, float]
    """Share of the cells' width and height that the target covers."""


class DepthProposer(nn.Module):
    """Sources -> `DepthProposal` of a target."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.agreement = SourceAgreement(MATCHING, width, trust=2.0)
        self.at_full = convolution(width, width)
        self.at_half = nn.Sequential(
            convolution(width, 2 * width, 2), convolution(2 * width, 2 * width)
        )
        self.at_quarter = nn.Sequential(
            convolution(2 * width, 4 * width, 2), convolution(4 * width, 4 * width)
        )
        self.half_merged = convolution(6 * width, 2 * width)
        self.full_merged = convolution(3 * width, width)
        self.leave = nn.Conv3d(width, 1, 1)

    def forward(
        self,
        target: PinholeViews,
        sources: PinholeViews,
        maps: SourceMaps,
        planes: DepthPlanes,
    ) -> DepthProposal:
        """The proposal of one target."""
        rows, columns = -(-target.height // CELL), -(-target.width // CELL)
        extent = (target.width / (columns * CELL), target.height / (rows * CELL))
        cells = grid_places(rows, columns, maps.images.device) / maps.images.new_tensor(extent)
        centre, directions = pixel_rays(cells, target)
        depths = planes.depth(torch.arange(planes.count, device=centre.device).float())
        points = (centre + depths[:, None, None] * directions).flatten(0, 1)
        entered, guess = self.agreement(points, target, sources, maps.matching, maps.extent)
        shape = (planes.count, rows, columns)
        full = self.at_full(entered.T.reshape(1, -1, *shape))
        half = self.at_half(full)
        quarter = self.at_quarter(half)
        half = self.half_merged(torch.cat([half, _resized(quarter, half)], dim=1))
        merged = self.full_merged(torch.cat([full, _resized(half, full)], dim=1))
        logits = self.leave(merged)[0, 0] + guess.reshape(shape)
        return DepthProposal(planes, F.log_softmax(logits, dim=0), extent)


def _resized(
    volume: Float[Tensor, "1 channels planes rows columns"],
    like: Float[Tensor, "1 other_channels more_planes more_rows more_columns"],
) -> Tensor:
    return F.interpolate(volume, size=like.shape[2:], mode="trilinear", align_corners=False)
