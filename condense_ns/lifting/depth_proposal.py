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

from condense_ns.geometry.epipolar import ray_differences
from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays, project_pinhole
from condense_ns.lifting.source_features import MATCHING, SourceMaps
from condense_ns.lifting.view_pooling import pooled

CELL = 4
"""Pixels of the target per cell of the proposal."""
LEAST_VIEWS = 2
"""Sources that must see a place before their agreement says anything."""


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

    def at(self, places: Float[Tensor, "rays 2"]) -> Float[Tensor, "rays planes"]:
        """Probabilities at places of the target, between the cells."""
        padded = places * places.new_tensor(self.extent)
        return sample_maps(self.log_probabilities.exp()[None], padded[None])[0]

    @property
    def likeliest(self) -> Float[Tensor, "rows columns"]:
        """Depth of the most probable plane of each cell, refined by its neighbours."""
        best = self.log_probabilities.argmax(dim=0).clamp(1, self.planes.count - 2)
        around = best + torch.tensor([-1, 0, 1], device=best.device)[:, None, None]
        near_best = self.log_probabilities.gather(0, around).exp()
        index = (near_best * around).sum(dim=0) / near_best.sum(dim=0).clamp_min(1e-12)
        return self.planes.depth(index)


class DepthProposer(nn.Module):
    """Sources -> `DepthProposal` of a target."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.closeness = nn.Parameter(torch.tensor(3.0))
        """Logarithm of how much sources that look along the target's line count more."""
        self.strictness = nn.Parameter(torch.tensor(0.0))
        """Logarithm of how fast a source loses its say that differs from the others."""
        self.trust = nn.Parameter(torch.tensor(2.0))
        """Logarithm of what disagreement costs before the network has its say."""
        inputs = 2 * MATCHING + 2
        self.enter = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(True))
        self.at_full = _convolution(width, width)
        self.at_half = nn.Sequential(
            _convolution(width, 2 * width, 2), _convolution(2 * width, 2 * width)
        )
        self.at_quarter = nn.Sequential(
            _convolution(2 * width, 4 * width, 2), _convolution(4 * width, 4 * width)
        )
        self.half_merged = _convolution(6 * width, 2 * width)
        self.full_merged = _convolution(3 * width, width)
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
        agreement, disagreement = self._agreement(
            target, sources, maps, planes, extent, (rows, columns)
        )
        entered = self.at_full(agreement[None])
        half = self.at_half(entered)
        quarter = self.at_quarter(half)
        half = self.half_merged(torch.cat([half, _resized(quarter, half)], dim=1))
        full = self.full_merged(torch.cat([entered, _resized(half, entered)], dim=1))
        logits = self.leave(full)[0, 0] - self.trust.exp() * disagreement
        return DepthProposal(planes, F.log_softmax(logits, dim=0), extent)

    def _agreement(
        self,
        target: PinholeViews,
        sources: PinholeViews,
        maps: SourceMaps,
        planes: DepthPlanes,
        extent: tuple[float, float],
        grid: tuple[int, int],
    ) -> tuple[Float[Tensor, "width planes rows columns"], Float[Tensor, "planes rows columns"]]:
        """How the sources agree at each cell of each plane, for the U-Net and in one number."""
        cells = grid_places(*grid, device=maps.images.device) / maps.images.new_tensor(extent)
        centre, directions = pixel_rays(cells, target)
        depths = planes.depth(torch.arange(planes.count, device=centre.device).float())
        points = (centre + depths[:, None, None] * directions).flatten(0, 1)
        seen = project_pinhole(points, sources)
        features = sample_maps(maps.matching, maps.padded(seen.places))
        cosine = ray_differences(points, target, sources)[..., 3]
        shared, robust = self._variances(features, seen.inside, cosine)
        count = seen.inside.sum(dim=0)
        enough = (count >= LEAST_VIEWS).float()
        disagreement = robust.mean(dim=1) * enough + (1 - enough)
        seen_by = torch.stack([count / len(sources), enough], dim=1)
        entered = self.enter(torch.cat([shared, robust, seen_by], dim=1))
        shape = (planes.count, *grid)
        return entered.T.reshape(-1, *shape), disagreement.reshape(shape)

    def _variances(
        self,
        features: Float[Tensor, "sources points channels"],
        inside: Tensor,
        cosine: Float[Tensor, "sources points"],
    ) -> tuple[Float[Tensor, "points channels"], Float[Tensor, "points channels"]]:
        """Variance over all sources that see a point, and over those that agree."""
        weights = inside * (self.closeness.exp() * (cosine - 1)).exp()
        weights = weights / weights.sum(dim=0).clamp_min(1e-8)
        mean, shared = pooled(features, weights)
        apart = (features - mean).square().mean(dim=-1)
        weights = weights * (-self.strictness.exp() * apart).exp()
        weights = weights / weights.sum(dim=0).clamp_min(1e-8)
        return shared, pooled(features, weights)[1]


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(before, after, 3, stride=stride, padding=1), nn.ReLU(True))


def _resized(
    volume: Float[Tensor, "1 channels planes rows columns"],
    like: Float[Tensor, "1 other_channels more_planes more_rows more_columns"],
) -> Tensor:
    return F.interpolate(volume, size=like.shape[2:], mode="trilinear", align_corners=False)
