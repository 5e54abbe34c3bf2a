"""How sources look at points on the rays of a target: from which side, and past what.

`ray_differences` is the relative direction of IBRNet (`methods.md` 4.2), zero where source and target
look along the same line. What lies `behind` a surface is hidden from the views that see it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, project_pinhole

LEAST_SQUARE_DISTANCE = 1e-24
DIRECTION = 4
"""Numbers of a relative direction."""


def ray_differences(
    points: Float[Tensor, "points 3"], target: PinholeViews, sources: PinholeViews
) -> Float[Tensor, "sources points 4"]:
    """Unit difference of the directions towards target and source, in the target's axes, and their cosine.

    In the axes of the target's camera, so that turning the world changes nothing.

    Args:
        points: on rays of the target.
        target: one view.
        sources: that look at the points, too.
    """
    axes = target.world_to_camera_cv[0, :3, :3].T
    lines = _lines_of_sight(points, target, sources)
    away = lines.to_target @ axes
    baselines = ((sources.centres - target.centres) @ axes)[:, None]
    nearer = (1 / lines.target_distance - 1 / lines.source_distances)[..., None]
    apart = away * nearer - baselines / lines.source_distances[..., None]
    length = torch.linalg.vector_norm(apart, dim=-1, keepdim=True).clamp_min(1e-6)
    return torch.cat([apart / length, lines.cosines[..., None]], dim=-1)


def ray_cosines(
    points: Float[Tensor, "points 3"], target: PinholeViews, sources: PinholeViews
) -> Float[Tensor, "sources points"]:
    """The last of `ray_differences`, without the others.

    Args:
        points: on rays of the target.
        target: one view.
        sources: that look at the points, too.
    """
    return _lines_of_sight(points, target, sources).cosines


@dataclass(frozen=True)
class _LinesOfSight:
    """From points to the cameras that look at them."""

    to_target: Float[Tensor, "points 3"]
    target_distance: Float[Tensor, " points"]
    source_distances: Float[Tensor, "sources points"]
    cosines: Float[Tensor, "sources points"]
    """Between the lines to target and source."""


def _lines_of_sight(
    points: Float[Tensor, "points 3"], target: PinholeViews, sources: PinholeViews
) -> _LinesOfSight:
    """By the law of cosines, from the baselines: no vector for each source and point is needed."""
    baselines = sources.centres - target.centres
    to_target = target.centres[0] - points
    square = to_target.square().sum(dim=-1)
    along = baselines @ to_target.T
    source_square = square + 2 * along + baselines.square().sum(dim=-1, keepdim=True)
    distance, distances = (
        far.clamp_min(LEAST_SQUARE_DISTANCE).sqrt() for far in (square, source_square)
    )
    cosines = ((square + along) / (distance * distances)).clamp(-1, 1)
    return _LinesOfSight(to_target, distance, distances, cosines)


def nearest_surface(
    surface: Float[Tensor, "points 3"], views: PinholeViews, rows: int, columns: int
) -> Float[Tensor, "views rows columns"]:
    """Smallest depth of the surface's points in each cell of the views; infinity where there is none.

    A point covers the four cells around it, so that a surface sampled as densely as the grid is closed.

    Args:
        surface: points.
        views: that look at them.
        rows: of the grid over each view.
        columns: of the grid over each view.
    """
    seen = project_pinhole(surface, views)
    corner = seen.places * seen.places.new_tensor([columns, rows]) - 0.5
    depths = torch.where(seen.inside, seen.depths, torch.inf)
    buffer = torch.full((len(views), rows * columns), torch.inf, device=surface.device)
    limit = torch.tensor([columns - 1, rows - 1], device=surface.device)
    for right in (0, 1):
        for down in (0, 1):
            shift = torch.tensor([right, down], device=surface.device)
            cell = (corner.nan_to_num().clamp(-1e6, 1e6).floor().long() + shift).clamp_min(0)
            x, y = torch.minimum(cell, limit).unbind(dim=-1)
            buffer.scatter_reduce_(1, y * columns + x, depths, "amin")
    return buffer.reshape(len(views), rows, columns)


def behind(
    nearest: Float[Tensor, "views rows columns"],
    places: Float[Tensor, "views points 2"],
    depths: Float[Tensor, "views points"],
) -> Float[Tensor, "views points"]:
    """How far points lie behind the nearest surface of their cell, as a share of their depth.

    Negative before it, minus infinity where the cell has none.

    Args:
        nearest: depth of the surface in cells of the views, infinity where there is none.
        places: of the points, from 0 to 1 across each view.
        depths: of the points.
    """
    views, rows, columns = nearest.shape
    size = places.new_tensor([columns, rows])
    cell = (places.clamp(0, 1) * size).long()
    x, y = torch.minimum(cell, (size - 1).long()).unbind(dim=-1)
    before = nearest.reshape(views, -1).gather(1, y * columns + x)
    return 1 - before / depths.clamp_min(1e-6)
