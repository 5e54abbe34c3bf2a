"""Whether sources agree about places: the variance of their features there, of all and of those that agree."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from condense_ns.geometry.epipolar import ray_cosines
from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import PinholeViews, project_pinhole
from condense_ns.lifting.view_pooling import pooled

AT_ONCE = 8192
"""Points whose numbers stay in a core's cache."""
LEAST_VIEWS = 2
"""Sources that must see a place before their agreement says anything."""

NOISE = 1e-3
"""Variance of the sources' colours that a surface may well have: of grain, glints, an edge nearby."""
STRICTNESS = 2.0
"""Power of 1 + variance / noise by which a place is less likely to be surface."""


def log_agreement(variance: Float[Tensor, "*places"]) -> Float[Tensor, "*places"]:
    """Logarithm of how likely places are to be surface, by the variance of the sources' colours there.

    Not linear in the variance, as it were if one noise held everywhere (Student's instead of the normal
    distribution): where even the best place has much of it, the others are not ruled out.
    """
    return -STRICTNESS * torch.log1p(variance / NOISE)


class SourceAgreement(nn.Module):
    """Features of sources at places -> a few numbers for a network, and a first guess without one.

    Args:
        channels: of the features.
        width: numbers per place that come out.
        trust: logarithm of what disagreement costs before the network has its say.
    """

    def __init__(self, channels: int, width: int, trust: float) -> None:
        super().__init__()
        self.closeness = nn.Parameter(torch.tensor(3.0))
        """Logarithm of how much sources that look along the target's line count more."""
        self.strictness = nn.Parameter(torch.tensor(0.0))
        """Logarithm of how fast a source loses its say that differs from the others."""
        self.trust = nn.Parameter(torch.tensor(trust))
        self.enter = nn.Sequential(nn.Linear(2 * channels + 2, width), nn.ReLU(True))

    def forward(
        self,
        points: Float[Tensor, "points 3"],
        target: PinholeViews,
        sources: PinholeViews,
        maps: Float[Tensor, "sources channels rows columns"],
        extent: tuple[float, float],
    ) -> tuple[Float[Tensor, "points width"], Float[Tensor, " points"]]:
        """Numbers for the network, and the logarithm of how likely places are to be surface, so far.

        Args:
            points: on rays of the target.
            target: one view.
            sources: the views.
            maps: their features.
            extent: share of the maps' width and height that the photographs cover.
        """
        parts = [
            self._of_some(some, target, sources, maps, extent) for some in points.split(AT_ONCE)
        ]
        entered, likely = zip(*parts, strict=True)
        return torch.cat(entered), torch.cat(likely)

    def _of_some(
        self,
        points: Float[Tensor, "points 3"],
        target: PinholeViews,
        sources: PinholeViews,
        maps: Float[Tensor, "sources channels rows columns"],
        extent: tuple[float, float],
    ) -> tuple[Float[Tensor, "points width"], Float[Tensor, " points"]]:
        """The same for as many points as may be."""
        seen = project_pinhole(points, sources)
        features = sample_maps(maps, seen.places * points.new_tensor(extent))
        cosine = ray_cosines(points, target, sources)
        shared, robust = self.variances(features, seen.inside, cosine)
        count = seen.inside.sum(dim=0)
        enough = (count >= LEAST_VIEWS).float()
        disagreement = robust.mean(dim=1) * enough + (1 - enough)
        seen_by = torch.stack([count / len(sources), enough], dim=1)
        entered = self.enter(torch.cat([shared, robust, seen_by], dim=1))
        return entered, -self.trust.exp() * disagreement

    def variances(
        self,
        features: Float[Tensor, "sources points channels"],
        inside: Bool[Tensor, "sources points"],
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
