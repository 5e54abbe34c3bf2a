"""Features of any width, mixed from those of the sources (`methods.md` 3.3, rule B + E).

The corrected feature of source i at a point is ``G_i + sum_j A_ij (G_j - G_i)``, with A >= 0 and rows
that sum to a gate gamma_i <= 1; the point's feature is ``sum_i b_i (...)``. Both are linear in G, so
that all comes down to one convex weight per source,

    c_j = b_j (1 - gamma_j) + sum_i b_i A_ij

and neither corrected features nor samples of G are ever stored. Weights read colours, a descriptor of
each feature that treats all channels alike, and cosines between the sources' features: no layer knows
the number of channels; a permutation of channels permutes the result, and with the descriptor off a
rotation rotates it.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.geometry.epipolar import DIRECTION
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.valid_pixels import telling_cells
from condense_ns.lifting.view_aggregator import WIDTH, constant_layer
from condense_ns.lifting.view_pooling import LEAST_LOGIT, softmax_of_seen

BANK = 16
"""Filters that every channel is described by."""
KEYS = 16
START_GATE = -2.0
"""Logit of the share that other sources have in correcting one, before training."""
BELIEF = 5.0
"""How much more a source counts that says what the rendered picture says: of the logarithm, per cosine."""
LEAST_TOLD = 1e-3
"""Of a place's neighbouring cells, by their weights, that must count for a source to tell a feature there."""
IN_CACHE = 1 << 20
"""Numbers at a time that a core's cache holds while channels are described."""


@dataclass(frozen=True)
class FeatureMaps:
    """Features of the sources, as an operator's encoder answers them."""

    maps: Float[Tensor, "sources rows columns channels"]
    """Raw."""
    centred: Float[Tensor, "sources rows columns channels"]
    """Without the mean over the sources, divided by one root mean square for all channels."""
    mean: Float[Tensor, " channels"]
    """Over the sources."""
    telling: Bool[Tensor, "sources rows columns"] | None = None
    """Cells that count; the features of the others are zero. None where all do."""

    def told(self, places: Float[Tensor, "sources points 2"]) -> Bool[Tensor, "sources points"]:
        """Whether some cell around places counts."""
        if self.telling is None:
            return places.new_ones(places.shape[:2], dtype=torch.bool)
        shares = sample_cells(self.telling[..., None].to(places), places)[..., 0]
        return shares > LEAST_TOLD

    def likeness(
        self, places: Float[Tensor, "sources rays 2"], own: Float[Tensor, "rays channels"]
    ) -> Float[Tensor, "sources rays"]:
        """Cosine of what sources say at places and of features of the rays, both without the mean."""
        said = F.normalize(sample_cells(self.centred, places), dim=-1)
        return (said * F.normalize(own - self.mean, dim=-1)).sum(dim=-1)


def feature_maps(
    maps: Float[Tensor, "sources rows columns channels"],
    valid: Bool[Tensor, "sources height width"] | None = None,
) -> FeatureMaps:
    """Maps and what the weights see of them.

    Args:
        maps: of the sources.
        valid: pixels of the sources that count; None for all.
    """
    if valid is None:
        mean = maps.mean(dim=(0, 1, 2))
        centred = maps - mean
        return FeatureMaps(maps, centred / centred.square().mean().sqrt().clamp_min(1e-8), mean)
    telling = telling_cells(valid, maps.shape[1], maps.shape[2])
    share, kept = telling.float().mean().clamp_min(1e-8), telling[..., None]
    counted = torch.where(kept, maps, 0.0)
    mean = counted.mean(dim=(0, 1, 2)) / share
    centred = torch.where(kept, maps - mean, 0.0)
    scale = (centred.square().mean() / share).sqrt().clamp_min(1e-8)
    return FeatureMaps(counted, centred / scale, mean, telling)


@dataclass(frozen=True)
class PointHints:
    """What the colours of the sources say about points."""

    places: Float[Tensor, "sources points 2"]
    """From 0 to 1 across each source."""
    hints: Float[Tensor, "sources points hint_channels"]
    """From `view_aggregator`."""
    visibility: Float[Tensor, "sources points"]
    """Logits."""
    directions: Float[Tensor, "sources points 4"]
    """See `geometry.epipolar.ray_differences`."""

    def of_telling(self, features: FeatureMaps) -> "PointHints":
        """The same where sources have features that count; elsewhere they do not see the points."""
        if features.telling is None:
            return self
        visibility = torch.where(features.told(self.places), self.visibility, LEAST_LOGIT)
        return replace(self, visibility=visibility)


class FeatureBlender(nn.Module):
    """Sources at points -> one convex weight per source."""

    def __init__(self) -> None:
        super().__init__()
        self.bank = nn.Conv2d(1, BANK, 3, padding=1, padding_mode="replicate")
        self.queries = nn.Linear(WIDTH + BANK + DIRECTION, KEYS)
        self.keys = nn.Linear(WIDTH + BANK + DIRECTION, KEYS)
        self.likeness = nn.Parameter(torch.tensor(1.0))
        """Logarithm of how much more sources with like features correct each other."""
        self.consent = nn.Parameter(torch.tensor(0.0))
        """Logarithm of how much more sources count that most others agree with."""
        self.gate = nn.Sequential(
            nn.Linear(WIDTH + BANK, 16), nn.ReLU(True), constant_layer(16, START_GATE)
        )
        self.mixing = nn.Sequential(nn.Linear(WIDTH, 16), nn.ReLU(True), constant_layer(16, 0.0))
        self.described_mixing = nn.Sequential(
            nn.Linear(BANK, 16), nn.ReLU(True), constant_layer(16, 0.0)
        )

    def describe(self, features: FeatureMaps) -> Float[Tensor, "sources rows columns filters"]:
        """How the channels around each cell look, on average over the channels."""
        by_channel = features.centred.permute(0, 3, 1, 2)
        return torch.stack([self._described(channels) for channels in by_channel])

    def _described(
        self, channels: Float[Tensor, "channels rows columns"]
    ) -> Float[Tensor, "rows columns filters"]:
        """Of one source."""
        at_once = max(1, IN_CACHE // (BANK * channels[0].numel()))
        parts = [
            self.bank(some[:, None]).softmax(dim=1).sum(dim=0) for some in channels.split(at_once)
        ]
        return (torch.stack(parts).sum(dim=0) / len(channels)).permute(1, 2, 0)

    def forward(
        self,
        features: FeatureMaps,
        described: Float[Tensor, "sources rows columns bank"],
        points: PointHints,
    ) -> Float[Tensor, "sources points"]:
        """Weights that sum to one over the sources wherever one of them sees the point."""
        local = F.normalize(sample_cells(features.centred, points.places), dim=-1)
        cosines = _products(local, local)
        looks = sample_cells(described, points.places)
        seen = points.visibility > LEAST_LOGIT
        both_see = seen[:, None] & seen
        agreement = (cosines * both_see).sum(dim=1) / both_see.sum(dim=1).clamp_min(1)
        logits = self.plain_logits(points) + self.consent.exp() * agreement
        mixing = softmax_of_seen(logits + self.described_mixing(looks)[..., 0], seen)
        both = torch.cat([points.hints, looks], dim=-1)
        gates = self.gate(both)[..., 0].sigmoid()
        directed = torch.cat([both, points.directions], dim=-1)
        attention = _products(self.queries(directed), self.keys(directed)) / KEYS**0.5
        attention = attention + self.likeness.exp() * cosines
        attention = torch.where(seen, attention, LEAST_LOGIT).softmax(dim=1)
        lent = ((mixing * gates)[:, None] * attention).sum(dim=0)
        return (mixing * (1 - gates) + lent) * seen

    def without_corrector(self, points: PointHints) -> Float[Tensor, "sources points"]:
        """Weights that depend on colours alone; lifting then commutes with every linear map."""
        return softmax_of_seen(self.plain_logits(points), points.visibility > LEAST_LOGIT)

    def plain_logits(self, points: PointHints) -> Float[Tensor, "sources points"]:
        """Of the weights, as far as colours tell."""
        return points.visibility + self.mixing(points.hints)[..., 0]


def believed(
    weights: Float[Tensor, "sources rays samples"], likeness: Float[Tensor, "sources rays"]
) -> Float[Tensor, "sources rays samples"]:
    """Weights of the sources, moved to those that say what the rendered picture says.

    The picture is rendered from where the target stands, so that what an operator says of it belongs to that
    point of view; but it is one unsteady answer about an imperfect picture. Here it does not answer itself:
    it tells which sources to believe, ``c_j exp(BELIEF l_j)``, with the sum over the sources as it was.
    """
    moved = weights * (BELIEF * likeness).exp()[..., None]
    total, before = moved.sum(dim=0), weights.sum(dim=0)
    return moved * (before / total.clamp_min(1e-12))


def _products(
    queries: Float[Tensor, "sources points channels"],
    keys: Float[Tensor, "others points channels"],
) -> Float[Tensor, "sources others points"]:
    """Between every two sources; points come last, so that what is done for all of them goes along memory."""
    by_point = queries.transpose(0, 1) @ keys.permute(1, 2, 0)
    return by_point.permute(1, 2, 0).contiguous()
