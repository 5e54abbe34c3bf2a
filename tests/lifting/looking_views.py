"""A textured slanted plane before a thing, seen by ideal cameras: colours, depths, features known."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.geometry.source_views import SourceViews

HEIGHT, WIDTH = 48, 64


def views_at(centres: list[tuple[float, float, float]], turn: float = 0.0) -> PinholeViews:
    """Cameras at these places that look along z, turned about the vertical by `turn` per x."""
    poses = []
    for x, y, z in centres:
        angle = turn * x
        cosine, sine = math.cos(angle), math.sin(angle)
        rotation = torch.tensor([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
        pose = torch.eye(4)
        pose[:3, :3] = rotation
        pose[:3, 3] = -rotation @ torch.tensor([x, y, z])
        poses.append(pose)
    intrinsics = torch.tensor([[60.0, 0, WIDTH / 2], [0, 60.0, HEIGHT / 2], [0, 0, 1]])
    return PinholeViews(intrinsics.repeat(len(poses), 1, 1), torch.stack(poses), HEIGHT, WIDTH)


def plane_depths(view: PinholeViews) -> Float[Tensor, "height width"]:
    """Depth of the plane ``z = 3 + x / 4`` before one view."""
    centre, directions = pixel_rays(grid_places(view.height, view.width), view)
    along = (3 + centre[0] / 4 - centre[2]) / (directions[:, 2] - directions[:, 0] / 4)
    return along.reshape(view.height, view.width)


def surfaces_of(
    views: PinholeViews, rows: int = HEIGHT // 2, columns: int = WIDTH // 2
) -> Float[Tensor, "views rows columns"]:
    """Depth of the plane in cells of the views."""
    cells = views.resized(rows, columns)
    return torch.stack([plane_depths(cells[[at]]) for at in range(len(cells))])


def texture(xyz: Float[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
    """Colours of places: waves of several lengths."""
    x, y, _ = xyz.T
    waves = [
        torch.sin(9 * x + 4 * y) + torch.sin(23 * x - 7 * y),
        torch.sin(11 * y - 3 * x) + torch.sin(27 * y + 5 * x),
        torch.sin(8 * x * y + 2) + torch.sin(19 * (x + y)),
    ]
    return 0.5 + 0.22 * torch.stack(waves, dim=1)


def photographs(views: PinholeViews) -> SourceViews:
    """What the views see of the plane."""
    images = []
    for at in range(len(views)):
        view = views[[at]]
        centre, directions = pixel_rays(grid_places(HEIGHT, WIDTH), view)
        xyz = centre + plane_depths(view).reshape(-1, 1) * directions
        images.append(texture(xyz).reshape(HEIGHT, WIDTH, 3).permute(2, 0, 1))
    return SourceViews(views, torch.stack(images))


TARGET = views_at([(0.05, 0.02, 0.0)])
PLACES = [(-0.3, 0.0, 0.0), (0.3, 0.1, 0.0), (0.0, -0.3, 0.1), (0.1, 0.3, 0.0), (-0.1, 0.1, -0.1)]
RANGE = (1.5, 8.0)


def sources(count: int = 5, turn: float = 0.2) -> SourceViews:
    """The first of five photographs."""
    return photographs(views_at(PLACES[:count], turn))
