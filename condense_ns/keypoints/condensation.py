"""Lifted detections of many views -> the points of the set.

candidates -> merged in voxels -> found again in near views, then in all -> points and poses adjusted
-> suppressed in 3D -> taken so that every part of every view is covered. Nothing here knows where detections and
depths come from, and their order does not matter.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.keypoints.adjustment import Adjusted, PoseTrust, adjust
from condense_ns.keypoints.association import Detections, associate
from condense_ns.keypoints.merging import merge_in_voxels
from condense_ns.keypoints.near_views import near_views
from condense_ns.keypoints.selection import covering, suppress, view_cells
from condense_ns.keypoints.triangulation import (
    Noise,
    Sightings,
    Viewpoints,
    agreeing,
    worst_deviation,
)

FIRST_RADIUS, SECOND_RADIUS = 0.015, 0.008
"""Of a view's width: how far detections are looked for, before and after points were adjusted."""
PIXEL_NOISE = 1.0 / 640.0
"""Standard deviation of a detection, of a view's width."""
DEPTH_NOISE = 0.03
"""Standard deviation of a rendered depth, of the depth."""
FIRST_VIEWS = 256
"""Views that a point is looked for in at first, those nearest to the one that detected it."""
LEAST_VIEWS = 3
"""Views that must agree on a point, where the scene has enough of them."""
LEAST_VIEWS_AT_FIRST = 2
"""Views that must agree on a point before it is looked for again, where the scene has enough of them."""
SAME_POINT = 0.5
"""Of the smallest distance of two points: what adjusted points are apart at most that are one point."""
MOST_POINTS_PER_KEYPOINT = 16
"""Merged points that are looked at, for each that is wanted."""


@dataclass(frozen=True)
class LiftedViews:
    """The detections of all views, one view after the other."""

    views: Int64[Tensor, " detections"]
    """Number of the view of each detection, not falling."""
    xyz: Float64[Tensor, "detections 3"]
    """Where the surface was hit."""
    ideal: Float64[Tensor, "detections 2"]
    """On the plane at distance 1 before the camera, free of distortion."""
    depths: Float64[Tensor, " detections"]
    """Along the optical axis; 0 where no surface was hit."""
    places: Float[Tensor, "detections 2"]
    """(x, y) from 0 to 1 across the photograph."""
    scores: Float[Tensor, " detections"]
    """In [0, 1]."""
    descriptors: Float[Tensor, "detections channels"]
    """Unit vectors."""
    width: float
    """Of the photographs in the pixels of the focal lengths."""

    def median_depths(self, views: int) -> Float64[Tensor, " views"]:
        """Of each of so many views; 0 where it hit no surface."""
        hit = self.depths > 0
        parts = self.depths[hit].split(torch.bincount(self.views[hit], minlength=views).tolist())
        return torch.stack([part.median() if len(part) else part.sum() for part in parts])

    def of_view(self, view: int, focal: float) -> tuple[int, Detections]:
        """Number of the first detection of a view, and its detections."""
        start, end = torch.searchsorted(self.views, torch.tensor([view, view + 1])).tolist()
        return start, Detections(
            self.ideal[start:end] * focal, self.descriptors[start:end], self.depths[start:end]
        )


@dataclass(frozen=True)
class Condensed:
    """The points, the most useful first, and who sees them."""

    xyz: Float64[Tensor, "points 3"]
    scores: Float[Tensor, " points"]
    """In [0, 1]."""
    descriptors: Float[Tensor, "points channels"]
    """Mean direction of those of the detections."""
    uncertainty: Float64[Tensor, " points"]
    """Standard deviation along the worst direction."""
    points: Int64[Tensor, " sightings"]
    """Numbers of points, of each sighting."""
    detections: Int64[Tensor, " sightings"]
    """Numbers of detections."""
    adjusted: Viewpoints
    """The views where points and detections agree."""


@dataclass(frozen=True)
class Wanted:
    """What the set shall be like."""

    count: int
    """Of points, at most."""
    radius: float
    """Smallest distance of two points."""
    min_score: float = 0.0
    """Of a point."""
    poses: PoseTrust | None = None
    """In the poses of the views; None holds them where they are."""
    score: Callable[[Float64[Tensor, "points 3"]], Float[Tensor, " points"]] | None = None
    """Of positions, in [0, 1]; a point's score is its geometric mean with the detections' own."""
    keep: Callable[[Float64[Tensor, "points 3"]], Bool[Tensor, " points"]] | None = None
    """Which positions may be in the set."""


@dataclass(frozen=True)
class _Sought:
    """Points that are looked for."""

    xyz: Float64[Tensor, "points 3"]
    descriptors: Float[Tensor, "points channels"]
    origins: Int64[Tensor, " points"]
    """The view that detected each."""
    near: Bool[Tensor, "views others"] | None
    """In which views points of an origin are looked for; None: in all."""


@dataclass(frozen=True)
class _Found:
    """Points in the making, and the detections that show them."""

    adjusted: Adjusted
    descriptors: Float[Tensor, "points channels"]
    points: Int64[Tensor, " sightings"]
    detections: Int64[Tensor, " sightings"]


def condense_detections(lifted: LiftedViews, views: Viewpoints, wanted: Wanted) -> Condensed:
    """The set of a scene.

    Points that only one view sees at first, often wrongly lifted ones, are not looked for again. In
    made-up scenes three views or more would agree on none of them after all where poses are right,
    and on up to two for each hundred points that are usable where poses are off by a degree.

    Args:
        lifted: the detections.
        views: their poses, as the dataset has them.
        wanted: what the set shall be like.
    """
    hit = torch.nonzero(lifted.depths > 0)[:, 0]
    merged = merge_in_voxels(lifted.xyz[hit], lifted.scores[hit], wanted.radius)
    first = hit[merged.chosen[: MOST_POINTS_PER_KEYPOINT * wanted.count]]
    origins = lifted.views[first]
    near = near_views(views, lifted.median_depths(len(views.rotations)), FIRST_VIEWS)
    sought = _Sought(lifted.xyz[first], lifted.descriptors[first], origins, near)
    found = _seen_again(sought, views, lifted, views, wanted.poses, FIRST_RADIUS)
    seen = torch.bincount(found.points, minlength=len(first))
    sure = torch.nonzero(seen >= min(LEAST_VIEWS_AT_FIRST, len(views.rotations)))[:, 0]
    xyz = found.adjusted.points.xyz
    sure = sure[suppress(xyz[sure], seen[sure].float(), SAME_POINT * wanted.radius)]
    sought = _Sought(xyz[sure], found.descriptors[sure], origins[sure], None)
    seeing = found.adjusted.views
    found = _seen_again(sought, seeing, lifted, views, wanted.poses, SECOND_RADIUS)
    return _chosen(found, lifted, wanted)


def _seen_again(
    sought: _Sought,
    seeing: Viewpoints,
    lifted: LiftedViews,
    views: Viewpoints,
    trust: PoseTrust | None,
    radius: float,
) -> _Found:
    """Look for points in views, posed as `seeing`, and adjust them and `views`."""
    look = partial(_seen_in, sought, seeing, lifted, radius * lifted.width)
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # numpy lets threads run side by side
        points, found = torch.cat(list(pool.map(look, range(len(views.rotations)))), dim=1)
    sightings = Sightings(points, lifted.views[found], lifted.ideal[found], lifted.depths[found])
    noise = Noise(PIXEL_NOISE * lifted.width, DEPTH_NOISE)
    adjusted = adjust(sought.xyz, sightings, views, noise, trust)
    sure = agreeing(adjusted.points.errors, noise)
    points, found = points[sure], found[sure]
    summed = torch.zeros_like(sought.descriptors).index_add_(0, points, lifted.descriptors[found])
    return _Found(adjusted, F.normalize(summed, dim=1), points, found)


def _seen_in(
    sought: _Sought, seeing: Viewpoints, lifted: LiftedViews, reach: float, view: int
) -> Int64[Tensor, "2 pairs"]:
    """Numbers of the points that a view shows, and of the detections that show them."""
    rotation, shift = seeing.rotations[view].numpy(), seeing.translations[view].numpy()
    focal = float(seeing.focals[view])
    start, detections = lifted.of_view(view, focal)
    local = rotation @ sought.xyz.numpy().T + shift[:, None]
    projected = local[:2] / np.maximum(local[2], 1e-9) * focal
    if sought.near is not None:
        projected[:, ~sought.near[sought.origins, view].numpy()] = np.inf
    places, depths = torch.from_numpy(projected).T, torch.from_numpy(local[2])
    seen = associate(places, depths, sought.descriptors, detections, reach)
    return torch.stack([seen.points, seen.detections + start])


def _chosen(found: _Found, lifted: LiftedViews, wanted: Wanted) -> Condensed:
    """The points that are wanted of those that were found."""
    xyz = found.adjusted.points.xyz
    seen = torch.bincount(found.points, minlength=len(xyz))
    scores = torch.zeros(len(xyz)).index_add_(0, found.points, lifted.scores[found.detections])
    scores = scores / seen.clamp_min(1)
    if wanted.score is not None:
        scores = (scores * wanted.score(xyz)).sqrt()
    least = min(LEAST_VIEWS, len(found.adjusted.views.rotations))
    usable = (seen >= least) & (scores >= wanted.min_score)
    if wanted.keep is not None:
        usable &= wanted.keep(xyz)
    candidates = torch.nonzero(usable)[:, 0]
    # what more views agree on is better; scores, at most 1, decide between equals
    kept = suppress(xyz[candidates], seen[candidates] + scores[candidates], wanted.radius)
    candidates = candidates[kept]
    renumbered = torch.full((len(xyz),), -1, dtype=torch.long)
    renumbered[candidates] = torch.arange(len(candidates))
    remaining = renumbered[found.points] >= 0
    points, detections = renumbered[found.points[remaining]], found.detections[remaining]
    cells = view_cells(lifted.views[detections], lifted.places[detections])
    weights, worth = torch.ones(len(points)), torch.ones(len(candidates))
    order = covering(points, cells, weights, worth, wanted.count)
    place = torch.full((len(candidates),), -1, dtype=torch.long)
    place[order] = torch.arange(len(order))
    inside = place[points] >= 0
    chosen = candidates[order]
    return Condensed(
        xyz=xyz[chosen],
        scores=scores[chosen],
        descriptors=found.descriptors[chosen],
        uncertainty=worst_deviation(found.adjusted.points.covariance[chosen]),
        points=place[points[inside]],
        detections=detections[inside],
        adjusted=found.adjusted.views,
    )
