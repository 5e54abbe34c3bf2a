"""Points on a scene's surfaces: from its depth, its sparse reconstruction, or a plane sweep."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays, project_pinhole
from condense_ns.geometry.plane_sweep_depth import SweptDepth, sweep_depth
from condense_ns.geometry.pose_distance import camera_spacing, pose_distances, spread_views

VIEWS, POINTS_PER_VIEW = 40, 300
SWEEP_SIZE, SWEEP_SOURCES = 80, 6
CONFIDENT = 0.3
"""Confidence of a swept pixel from which it may become an anchor."""
AGREEMENT = 0.1
"""Relative difference of depth within which another view confirms a swept point."""
FEWEST_POINTS = 50


def anchor_points(scene: PosedScene) -> Float[Tensor, "points 3"]:
    """Points on surfaces, in the world, in random order; training views alone are looked at.

    Raises:
        UserError: nothing tells where the surfaces are.
    """
    generator, found = torch.Generator().manual_seed(0), 0
    for source in (_from_depth, _from_reconstruction, _from_sweeps):
        points = source(scene, generator)
        points = points[points.isfinite().all(dim=1)]
        if len(points) >= FEWEST_POINTS:
            return points[torch.randperm(len(points), generator=generator)]
        found = max(found, len(points))
    raise UserError(
        f"scene {scene.name}: its views do not show where surfaces are ({found} points found); give "
        "depth files, a sparse reconstruction, or more overlapping photographs"
    )


def _from_depth(scene: PosedScene, generator: torch.Generator) -> Float[Tensor, "points 3"]:
    training = scene.views[scene.training]
    points = [torch.zeros(0, 3)]
    for view in spread_views(training, VIEWS, camera_spacing(training)):
        depth = scene.depth(view)
        if depth is not None:
            points.append(_lifted(depth, depth > 0, scene.views[[view]], generator))
    return torch.cat(points)


def _from_reconstruction(
    scene: PosedScene, generator: torch.Generator
) -> Float[Tensor, "points 3"]:
    cloud = scene.cloud
    if cloud is None:
        return torch.zeros(0, 3)
    points = cloud.positions.float()
    return points[torch.randperm(len(points), generator=generator)[: VIEWS * POINTS_PER_VIEW]]


def _lifted(
    depth: Float[Tensor, "height width"],
    usable: Bool[Tensor, "height width"],
    view: PinholeViews,
    generator: torch.Generator,
) -> Float[Tensor, "points 3"]:
    """Up to `POINTS_PER_VIEW` of the usable pixels of a view, as points in the world."""
    pixels = usable.flatten().nonzero()[:, 0]
    drawn = pixels[torch.randperm(len(pixels), generator=generator)[:POINTS_PER_VIEW]]
    places = grid_places(depth.shape[0], depth.shape[1])[drawn]
    centre, rays = pixel_rays(places, view)
    return centre + depth.flatten()[drawn, None] * rays


def _from_sweeps(scene: PosedScene, generator: torch.Generator) -> Float[Tensor, "points 3"]:
    """Confident pixels of plane sweeps that the sweep of a neighbour confirms."""
    views = scene.views[scene.training]
    spacing = camera_spacing(views)
    chosen = spread_views(views, VIEWS, spacing)
    scale = SWEEP_SIZE / max(views.height, views.width)
    rows, columns = max(8, round(views.height * scale)), max(8, round(views.width * scale))
    small = views.resized(rows, columns)
    swept = {}
    for view in chosen:
        order = pose_distances(views[[view]], views, spacing).argsort().tolist()
        nearest = [other for other in order if other != view][:SWEEP_SOURCES]
        given = scene.source_views([view, *nearest]).resized(rows, columns)
        swept[view] = sweep_depth(given.images[0], given.cameras[[0]], given[1:])
    points = []
    for view in chosen:
        order = pose_distances(views[[view]], views[chosen], spacing).argsort().tolist()
        others = [chosen[at] for at in order if chosen[at] != view][:3]
        found = swept[view]
        sure = _confirmed(found, small[[view]], [(small[[at]], swept[at]) for at in others])
        points.append(_lifted(found.depth, sure, small[[view]], generator))
    return torch.cat(points)


def _confirmed(
    found: SweptDepth, view: PinholeViews, others: list[tuple[PinholeViews, SweptDepth]]
) -> Bool[Tensor, "height width"]:
    """Confident pixels that lie in some other view where that view's confident depth has them."""
    height, width = found.depth.shape
    centre, rays = pixel_rays(grid_places(height, width), view)
    points = centre + found.depth.reshape(-1, 1) * rays
    agreed = torch.zeros(height * width, dtype=torch.bool)
    for other, swept in others:
        seen = project_pinhole(points, other)
        column, row = (seen.places[0].clamp(0, 0.999) * torch.tensor([width, height])).long().T
        depth, confidence = swept.depth[row, column], swept.confidence[row, column]
        close = (depth - seen.depths[0]).abs() < AGREEMENT * depth
        agreed |= seen.inside[0] & close & (confidence > CONFIDENT)
    return agreed.reshape(height, width) & (found.confidence > CONFIDENT)
