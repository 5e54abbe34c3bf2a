"""lift3d's network: sources, and a target's camera -> colours, depth and features of any width.

    sources -> matching and guiding features      source_features
            -> distribution over depth planes     depth_proposal        once per target
            -> one plane per finer cell           depth_choice          once per target
            -> finer, around that plane           depth_refinement      once per target
            -> depths from elsewhere, too         depth_candidates      once per target; source_surfaces
            -> sources exposed alike              source_exposure       once per target, for what is shown
            -> sources shifted onto each other    source_alignment      likewise
    rays    -> samples at its quantiles           rendering.proposal_sampling
            -> thickness, colours, visibility     view_aggregator       likelier where sources agree
            -> weights of the sources' features   feature_blending
            -> volume rendering, one density for colours and features
    pixels  -> sources weighed anew, by their neighbours, too   picture_refinement

Everything about a target that its rays share is made once, by `look`; rays are rendered in chunks.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.geometry.epipolar import nearest_surface
from condense_ns.geometry.interpolation import map_cells
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.depth_candidates import DepthCandidates, depth_candidates
from condense_ns.lifting.depth_proposal import DepthPlanes, DepthProposal, DepthProposer
from condense_ns.lifting.depth_refinement import DepthRefiner, RefinedDepth
from condense_ns.lifting.feature_blending import (
    FeatureBlender,
    FeatureMaps,
    believed,
)
from condense_ns.lifting.picture_refinement import PictureRefiner
from condense_ns.lifting.ray_samples import LEAST_WEIGHT, RaySamples
from condense_ns.lifting.source_agreement import log_agreement
from condense_ns.lifting.source_features import SourceFeatures, SourceMaps
from condense_ns.lifting.source_surfaces import SourceSurfaces, log_support
from condense_ns.lifting.view_aggregator import (
    ViewAggregator,
    seen_points,
)
from condense_ns.rendering.proposal_sampling import (
    masses_at,
    posterior_masses,
    proposed_thickness,
    quantile_indices,
    weights_from_thickness,
)

LEADING = 8
"""The first of the sources, the most useful ones: they make depth and picture, and all lend their features."""


CERTAINTY = 2.0
"""How much more a source's own surface hides than the target's does, which is coarse where it ends."""


@dataclass(frozen=True)
class Look:
    """What all rays of one target share."""

    target: PinholeViews
    sources: PinholeViews
    maps: SourceMaps
    proposal: DepthProposal
    refined: RefinedDepth
    candidates: DepthCandidates
    nearest: Float[Tensor, "sources rows columns"]
    """Depth of the nearest surface in cells of the sources; infinity where none is known."""
    own_surfaces: bool
    """Whether those are the sources' own; else they are the target's as the sources see it."""
    gains: Float[Tensor, "sources 3"]
    """What the sources' colours are multiplied with; ones unless `source_exposure` has found others."""

    @property
    def leading(self) -> "Look":
        """The same with the leading sources alone: what pictures are made from."""
        if len(self.gains) <= LEADING:
            return self
        return replace(
            self,
            sources=self.sources[slice(LEADING)],
            maps=self.maps.first(LEADING),
            nearest=self.nearest[:LEADING],
            gains=self.gains[:LEADING],
        )


class LiftingNetwork(nn.Module):
    """The learnt parts of lift3d; nothing in it has the size of a scene or of a feature.

    Args:
        planes: of the depth proposal.
        samples: per ray.
    """

    def __init__(self, planes: int = 48, samples: int = 6) -> None:
        super().__init__()
        self.planes, self.samples = planes, samples
        self.source_features = SourceFeatures()
        self.proposer = DepthProposer()
        self.refiner = DepthRefiner()
        self.aggregator = ViewAggregator()
        self.blender = FeatureBlender()
        self.picture = PictureRefiner()

    def look(
        self, target: PinholeViews, sources: SourceViews, depth_range: tuple[float, float]
    ) -> Look:
        """Find out where the surface may lie.

        Args:
            target: one view.
            sources: any number of views, the most useful first; the leading ones tell the depth.
            depth_range: nearest and farthest depth before the target.
        """
        maps = self.source_features(sources.images)
        planes = DepthPlanes(*depth_range, self.planes)
        cameras, first = sources.cameras[slice(LEADING)], maps.first(LEADING)
        proposal = self.proposer(target, cameras, first, planes)
        refined = self.refiner(target, cameras, first, proposal)
        surfaces = None
        if sources.surfaces is not None:
            surfaces = SourceSurfaces(sources.cameras, sources.surfaces)
        candidates = depth_candidates(target, cameras, first, refined, surfaces)
        nearest = sources.surfaces
        if nearest is None:
            cells = maps.matching.shape[2], maps.matching.shape[3]
            nearest = nearest_surface(_surface(target, refined), sources.cameras, *cells)
        return Look(
            target,
            sources.cameras,
            maps,
            proposal,
            refined,
            candidates,
            nearest,
            own_surfaces=surfaces is not None,
            gains=torch.ones(len(sources), 3, device=nearest.device),
        )

    def sample(
        self, look: Look, places: Float[Tensor, "rays 2"], count: int | None = None
    ) -> RaySamples:
        """Samples of rays through places of the target, from 0 to 1 across it; `samples` of each, or so many."""
        probabilities, index = look.candidates.at(places)
        numbers = quantile_indices(probabilities, count or self.samples)
        depths, order = look.candidates.depth(index, numbers).sort(dim=1)
        centre, directions = pixel_rays(places, look.target)
        points = centre + depths[..., None] * directions[:, None]
        seen = seen_points(
            points.flatten(0, 1),
            look.target,
            look.sources,
            look.maps,
            look.nearest,
            look.gains,
            CERTAINTY if look.own_surfaces else 1.0,
        )
        said = self.aggregator(seen)
        alike = log_agreement(said.disagreement)
        if look.own_surfaces:
            alike = alike + log_support(seen.behind, seen.inside)
        alike = alike.reshape(depths.shape)
        masses = posterior_masses(masses_at(probabilities, numbers.gather(1, order)), alike)
        proposed = proposed_thickness(masses)
        thickness = proposed * said.thickness.reshape(proposed.shape).exp()
        valid = seen.inside.any(dim=0).reshape(proposed.shape)
        return RaySamples(depths, weights_from_thickness(thickness, valid), seen, said)

    def source_weights(
        self, samples: RaySamples, features: FeatureMaps, described: Tensor | None
    ) -> Float[Tensor, "sources rays samples"]:
        """Weight of each source in each sample's feature; zero where the source's do not count.

        Args:
            samples: of the rays.
            features: of the sources.
            described: `FeatureBlender.describe` of them; None leaves the corrector out.
        """
        hints = samples.hints.of_telling(features)
        if described is None:
            weights = self.blender.without_corrector(hints)
        else:
            weights = self.blender(features, described, hints)
        return weights.reshape(len(weights), *samples.depths.shape)

    def features(
        self,
        samples: RaySamples,
        features: FeatureMaps,
        described: Tensor | None,
        own: Float[Tensor, "rays channels"] | None = None,
        together: int = 1,
    ) -> Float[Tensor, "cells channels"]:
        """Rendered features, divided by the opacity; zeros where no source sees anything.

        Args:
            samples: of the rays.
            features: of the sources.
            described: as for `source_weights`.
            own: features of the rays in the rendered picture, that sources are believed by; None believes all.
            together: how many rays after each other have one feature, the mean of those of them that are seen.
        """
        by_source = self.source_weights(samples, features, described)
        if own is not None:
            by_source = believed(by_source, features.likeness(samples.places, own))
        weights = (samples.shares * by_source).flatten(1)
        sources, rows, columns, channels = features.maps.shape
        found, shares = map_cells(samples.seen.places, rows, columns)
        shares = shares * weights[..., None]
        if features.telling is not None:
            shares = shares * features.telling.flatten()[found]
        shape = (sources, len(samples.depths) // together, -1)
        shares = _by_cell(shares.reshape(shape))
        rendered = F.embedding_bag(
            _by_cell(found.reshape(shape)),
            features.maps.reshape(-1, channels),
            per_sample_weights=shares.to(features.maps.dtype),
            mode="sum",
        )
        return rendered / shares.sum(dim=1, keepdim=True).clamp_min(LEAST_WEIGHT)


@torch.no_grad()
def _surface(target: PinholeViews, refined: RefinedDepth) -> Float[Tensor, "points 3"]:
    """The target's own, one point in every cell."""
    depth = refined.planes.depth(refined.mean)
    rows, columns = depth.shape
    places = grid_places(rows, columns, depth.device) / depth.new_tensor(refined.extent)
    centre, directions = pixel_rays(places, target)
    return centre + depth.reshape(-1, 1) * directions


def _by_cell(
    values: Float[Tensor, "sources cells entries"] | Int[Tensor, "sources cells entries"],
) -> Tensor:
    """All entries of a cell in one row."""
    return values.transpose(0, 1).flatten(1)
