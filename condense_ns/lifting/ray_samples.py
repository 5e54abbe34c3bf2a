"""Samples along rays, what the sources say of them, and what of that a ray has: depth, colours, shares."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.lifting.feature_blending import PointHints
from condense_ns.lifting.source_shares import SourceShares
from condense_ns.lifting.view_aggregator import Aggregated, SeenPoints

ONE_SURFACE = 0.1
"""Share of the median depth within which samples lie on its surface."""
LEAST_WEIGHT = 1e-6
LEAST_SHARE = 1e-8


@dataclass(frozen=True)
class RaySamples:
    """Samples of some rays, and what the sources say of them."""

    depths: Float[Tensor, "rays samples"]
    weights: Float[Tensor, "rays samples"]
    """Of volume rendering; they sum to the opacity."""
    seen: SeenPoints
    said: Aggregated

    @property
    def opacity(self) -> Float[Tensor, " rays"]:
        """Zero where no source sees the ray."""
        return self.weights.sum(dim=1)

    @property
    def shares(self) -> Float[Tensor, "rays samples"]:
        """Weights that sum to one on every ray that is seen."""
        return self.weights / self.opacity.clamp_min(LEAST_WEIGHT)[:, None]

    @property
    def colours(self) -> Float[Tensor, "rays 3"]:
        """RGB in [0, 1]; black where no source sees the ray."""
        sampled = self.said.colours.reshape(*self.depths.shape, 3)
        return torch.einsum("rs,rsc->rc", self.shares, sampled)

    @property
    def depth(self) -> Float[Tensor, " rays"]:
        """Expected depth along the optical axis."""
        return (self.shares * self.depths).sum(dim=1)

    @property
    def surface_depth(self) -> Float[Tensor, " rays"]:
        """Mean depth of the samples near the median: of one surface where there are two, never between them.

        Zero where no source sees the ray.
        """
        half = (self.shares.cumsum(dim=1) < 0.5).sum(dim=1, keepdim=True)
        median = self.depths.gather(1, half.clamp_max(self.depths.shape[1] - 1))
        near = self.shares * ((self.depths - median).abs() <= ONE_SURFACE * median)
        return (near * self.depths).sum(dim=1) / near.sum(dim=1).clamp_min(LEAST_WEIGHT)

    @property
    def by_source(self) -> SourceShares:
        """What each source gives the rays."""
        shape = (len(self.seen.inside), *self.depths.shape)
        weights = self.said.colour_weights.reshape(shape) * self.shares
        looks = self.seen.looks[..., :3].reshape(*shape, 3)
        given = weights.sum(dim=2)
        colours = torch.einsum("irs,irsc->irc", weights, looks)
        apart = (self.shares * (self.depths - self.depth[:, None]).square()).sum(dim=1).sqrt()

        def along(values: Float[Tensor, "sources points"]) -> Float[Tensor, "sources rays"]:
            return (values.reshape(shape) * self.shares).sum(dim=2)

        return SourceShares(
            given,
            colours / given.clamp_min(LEAST_SHARE)[..., None],
            along(self.seen.hidden),
            along(1 - self.seen.directions[..., 3]),
            along(self.seen.inside.to(given)),
            (apart / self.depth.clamp_min(LEAST_SHARE)).expand_as(given),
        )

    @property
    def places(self) -> Float[Tensor, "sources rays 2"]:
        """Where each ray's heaviest sample lies, from 0 to 1 across each source."""
        by_ray = self.seen.places.reshape(-1, *self.depths.shape, 2)
        heaviest = self.weights.argmax(dim=1)
        return by_ray[:, torch.arange(len(heaviest), device=heaviest.device), heaviest]

    @property
    def hints(self) -> PointHints:
        """For the blending of features."""
        return PointHints(
            self.seen.places, self.said.hints, self.said.visibility, self.seen.directions
        )
