"""How sources look at points on the rays of a target: from which side, and past what.

`ray_differences` is the relative direction of IBRNet (`methods.md` 4.2), zero where source and target
look along the same line. `hidden_behind` splats the target's surface into the sources: what lies
behind it there is hidden from them.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, project_pinhole

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
    to_target = torch.nn.functional.normalize(target.centres[0] - points, dim=-1)
    to_source = torch.nn.functional.normalize(sources.centres[:, None] - points, dim=-1)
    apart = to_target - to_source
    length = torch.linalg.vector_norm(apart, dim=-1, keepdim=True).clamp_min(1e-6)
    turned = (apart / length) @ target.world_to_camera_cv[0, :3, :3].T
    cosine = (to_target * to_source).sum(dim=-1, keepdim=True)
    return torch.cat([turned, cosine], dim=-1)


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


def hidden_behind(
    nearest: Float[Tensor, "views rows columns"],
    places: Float[Tensor, "views points 2"],
    depths: Float[Tensor, "views points"],
) -> Float[Tensor, "views points"]:
    """How far points lie behind the nearest surface of their cell, of their depth, in [0, 1].

    Args:
        nearest: from `nearest_surface`.
        places: of the points, from 0 to 1 across each view.
        depths: of the points.
    """
    views, rows, columns = nearest.shape
    size = places.new_tensor([columns, rows])
    cell = (places.clamp(0, 1) * size).long()
    x, y = torch.minimum(cell, (size - 1).long()).unbind(dim=-1)
    before = nearest.reshape(views, -1).gather(1, y * columns + x)
    return (1 - before / depths.clamp_min(1e-6)).clamp(0, 1)
