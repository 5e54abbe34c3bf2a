"""What a network that knew everything would make of photographs of the slanted plane."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.source_features import SourceMaps
from tests.lifting.looking_views import plane_depths

STEPS = (2.0, 3.0, 5.0, 7.0)


def plane_points(view: PinholeViews, rows: int, columns: int) -> Float[Tensor, "cells 3"]:
    """Where rays of one view through the centres of a grid meet the plane."""
    centre, directions = pixel_rays(grid_places(rows, columns), view)
    return centre + plane_depths(view.resized(rows, columns)).reshape(-1, 1) * directions


def painted(xyz: Float[Tensor, "points 3"], channels: int) -> Float[Tensor, "points channels"]:
    """Waves along x and y that tell places on the plane apart; their mean square is about one."""
    steps = torch.tensor(STEPS)
    waves = torch.cat([xyz[:, :1] * steps, xyz[:, 1:2] * steps], dim=1)
    return math.sqrt(2) * torch.cat([waves.sin(), waves.cos()], dim=1)[:, :channels]


def true_maps(given: SourceViews, matching: int = 16, guiding: int = 13) -> SourceMaps:
    """Both kinds of features painted on the plane."""
    maps: list[Tensor] = []
    for channels, rows, columns in ((matching, 12, 16), (guiding, 24, 32)):
        views = [given.cameras[[at]] for at in range(len(given))]
        painting = [painted(plane_points(view, rows, columns), channels) for view in views]
        maps.append(torch.stack([one.T.reshape(channels, rows, columns) for one in painting]))
    return SourceMaps(given.images, maps[0], maps[1], (1.0, 1.0))
