"""Features of views on points: those of the views that see a point, averaged, outliers last.

For point x, views v that see it by their depth, and their features f_v(x),

    g(x) = sum_v w_v f_v(x) / sum_v w_v,    w_v = max(0, cos(f_v - mu, m - mu))

with m the plain mean over the views and mu the mean of all features. Views come one by one, so memory
does not grow with their number.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_cells
from condense_ns.geometry.pinhole import PinholeViews, project_pinhole

DEPTH_TOLERANCE = 0.03
"""Of the depth, by which a point may lie off the surface that a view sees."""


@dataclass(frozen=True)
class SeeingView:
    """One view, what it sees and how far away it is."""

    camera: PinholeViews
    """One view."""
    depth: Float[Tensor, "height width"]
    """Along the optical axis, 0 where unknown."""
    feature_map: Float[Tensor, "rows columns channels"]
    """Of the same field of view."""


@dataclass(frozen=True)
class PointFeatures:
    """Features on points."""

    features: Float[Tensor, "points channels"]
    """Zeros where no view sees the point."""
    seen_by: Int64[Tensor, " points"]
    """How many views see each point."""


def lift_to_points(
    points: Float[Tensor, "points 3"], views: int, load: Callable[[int], SeeingView]
) -> PointFeatures:
    """Features of all views on points.

    Args:
        points: in the world of the cameras.
        views: how many there are, at least one.
        load: a view by its number; each is asked for twice.
    """
    total, count, mean, cells = 0.0, torch.zeros(len(points), dtype=torch.long), 0.0, 0
    for number in range(views):
        view = load(number)
        seen = visible_points(points, view.camera, view.depth)
        total = total + torch.where(seen[:, None], _looked_up(points, view), 0.0)
        count += seen
        mean, cells = (
            mean + view.feature_map.flatten(0, 1).sum(dim=0),
            cells + view.feature_map[..., 0].numel(),
        )
    average, centre = total / count.clamp_min(1)[:, None], mean / cells
    towards = F.normalize(torch.as_tensor(average - centre), dim=1)
    weighted, weights = torch.zeros_like(towards), torch.zeros(len(points))
    for number in range(views):
        view = load(number)
        seen = visible_points(points, view.camera, view.depth)
        found = _looked_up(points, view)
        agreeing = (F.normalize(found - centre, dim=1) * towards).sum(dim=1).clamp_min(0) * seen
        weighted += agreeing[:, None] * found
        weights += agreeing
    lifted = weighted / weights.clamp_min(1e-8)[:, None]
    features = torch.where((weights > 1e-6)[:, None], lifted, torch.as_tensor(average))
    return PointFeatures(features, count)


def visible_points(
    points: Float[Tensor, "points 3"], camera: PinholeViews, depth: Float[Tensor, "height width"]
) -> Bool[Tensor, " points"]:
    """Which points lie where one view sees a surface.

    Args:
        points: in the world.
        camera: one view.
        depth: what it sees, 0 where unknown.
    """
    found = project_pinhole(points, camera)
    height, width = depth.shape
    cells = (found.places[0].clamp(0, 1) * found.places.new_tensor([width, height])).long()
    surface = depth[cells[:, 1].clamp_max(height - 1), cells[:, 0].clamp_max(width - 1)]
    near = (surface - found.depths[0]).abs() < DEPTH_TOLERANCE * surface
    return found.inside[0] & (surface > 0) & near


def _looked_up(
    points: Float[Tensor, "points 3"], view: SeeingView
) -> Float[Tensor, "points channels"]:
    places = project_pinhole(points, view.camera).places.clamp(0, 1)
    return sample_cells(view.feature_map[None], places)[0]
