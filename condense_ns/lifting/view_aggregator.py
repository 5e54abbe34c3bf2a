"""What several sources say about points on rays: how opaque, what colour, who sees them.

Follows IBRNet's pooling (`methods.md` 4.4) with its pitfalls (4.9) avoided: only sources that see a
point count, one source is enough, and nothing knows how many there are. Colours are convex mixtures of
the sources' own. Two kinds of weights are learnt: for colours, which know from where a source looks,
and visibilities, which do not: what hides a point does not depend on the target.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.geometry.epipolar import DIRECTION, behind, ray_differences
from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import PinholeViews, project_pinhole
from condense_ns.lifting.layers_of_parts import of_parts
from condense_ns.lifting.source_agreement import LEAST_VIEWS
from condense_ns.lifting.source_features import GUIDING, SourceMaps
from condense_ns.lifting.view_pooling import LEAST_LOGIT, pooled, softmax_of_seen

WIDTH = 32
RESIDUAL = 4.0
"""Largest factor, as a logarithm, between the proposed thickness and the one that the sources find."""


@dataclass(frozen=True)
class SeenPoints:
    """Points as the sources see them."""

    places: Float[Tensor, "sources points 2"]
    """From 0 to 1 across each source."""
    inside: Bool[Tensor, "sources points"]
    """Within the image and in front of the camera."""
    looks: Float[Tensor, "sources points look_channels"]
    """Colour and guiding features there."""
    directions: Float[Tensor, "sources points 4"]
    """See `geometry.epipolar.ray_differences`."""
    behind: Float[Tensor, "sources points"]
    """How far behind the surface there; see `geometry.epipolar.behind`."""
    certainty: float = 1.0
    """How much of what is behind the surface is hidden by it."""

    @property
    def hidden(self) -> Float[Tensor, "sources points"]:
        """How much a point is hidden by the surface, in [0, 1]."""
        return (self.certainty * self.behind).clamp(0, 1)


@dataclass(frozen=True)
class Aggregated:
    """What the sources say together."""

    thickness: Float[Tensor, " points"]
    """Logarithm of the factor on the proposed optical thickness."""
    colours: Float[Tensor, "points 3"]
    """RGB in [0, 1]."""
    disagreement: Float[Tensor, " points"]
    """Variance of the sources' colours about these, mean over the channels; one where fewer than two see the point."""
    colour_weights: Float[Tensor, "sources points"]
    """Of each source's colour; they sum to one where some source sees the point."""
    hints: Float[Tensor, "sources points hint_channels"]
    """What was thought of each source, without its direction."""
    visibility: Float[Tensor, "sources points"]
    """Logits; `LEAST_LOGIT` where a source does not see the point."""


def seen_points(
    points: Float[Tensor, "points 3"],
    target: PinholeViews,
    sources: PinholeViews,
    maps: SourceMaps,
    nearest: Float[Tensor, "sources rows columns"],
    gains: Float[Tensor, "sources 3"],
    certainty: float = 1.0,
) -> SeenPoints:
    """Look points up in the sources.

    Args:
        points: on rays of the target.
        target: one view.
        sources: the views.
        maps: their features.
        nearest: depth of the surface in cells of the sources, infinity where it is not known.
        gains: of the sources' colours.
        certainty: as in `SeenPoints`.
    """
    seen = project_pinhole(points, sources)
    padded = maps.padded(seen.places)
    colours = (sample_maps(maps.images, padded) * gains[:, None]).clamp(0, 1)
    looks = [colours, sample_maps(maps.guiding, padded)]
    return SeenPoints(
        seen.places,
        seen.inside,
        torch.cat(looks, dim=-1),
        ray_differences(points, target, sources),
        behind(nearest, seen.places, seen.depths),
        certainty,
    )


class ViewAggregator(nn.Module):
    """Sources at points -> `Aggregated`."""

    def __init__(self) -> None:
        super().__init__()
        looks = 3 + GUIDING
        self.closeness = nn.Parameter(torch.tensor(4.5))
        """Logarithm of how much sources that look along the target's line count more."""
        self.occlusion = nn.Parameter(torch.tensor(3.0))
        """Logarithm of how fast a source loses its say that the target's surface hides a point from."""
        self.own = nn.Linear(looks + 1, WIDTH)
        self.shared = nn.Linear(2 * looks, WIDTH, bias=False)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.visibility = nn.Linear(WIDTH, 1)
        self.thickness = nn.Sequential(
            nn.Linear(2 * WIDTH, WIDTH), nn.ReLU(True), constant_layer(WIDTH, 0.0)
        )
        self.colour = nn.Sequential(
            nn.Linear(WIDTH + DIRECTION, 16), nn.ReLU(True), constant_layer(16, 0.0)
        )

    def forward(self, seen: SeenPoints) -> Aggregated:
        """What is said of the points; those that no source sees get finite nonsense."""
        towards = self.closeness.exp() * (seen.directions[..., 3] - 1)
        mean, variance = pooled(seen.looks, softmax_of_seen(towards, seen.inside))
        shared = self.shared(torch.cat([mean, variance], dim=-1))
        hidden = seen.hidden
        own = of_parts(self.own, [seen.looks, hidden[..., None]])
        hints = F.relu(self.hidden(F.relu(own + shared)))
        seen_logits = self.visibility(hints)[..., 0] - self.occlusion.exp() * hidden
        visibility = torch.where(seen.inside, seen_logits, LEAST_LOGIT)
        together = torch.cat(pooled(hints, softmax_of_seen(seen_logits, seen.inside)), dim=-1)
        thickness = RESIDUAL * torch.tanh(self.thickness(together)[..., 0] / RESIDUAL)
        directed = of_parts(self.colour, [hints, seen.directions])[..., 0]
        weights = softmax_of_seen(seen_logits + towards + directed, seen.inside)
        colours, variance = pooled(seen.looks[..., :3], weights)
        enough = seen.inside.sum(dim=0) >= LEAST_VIEWS
        disagreement = torch.where(enough, variance.mean(dim=1), 1.0)
        return Aggregated(thickness, colours, disagreement, weights, hints, visibility)


def constant_layer(inputs: int, value: float) -> nn.Linear:
    """One number, the same whatever comes in, until the layer has learnt better."""
    layer = nn.Linear(inputs, 1)
    nn.init.zeros_(layer.weight)
    nn.init.constant_(layer.bias, value)
    return layer
