"""The slanted plane as an example of lift3d's training."""

from dataclasses import replace

import torch

from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.lifting.lift_example import LiftExample
from tests.lifting.looking_views import RANGE, TARGET, photographs, plane_depths, sources

GRID = (12, 16)


def features_of(view, channels):
    """Waves over the plane, sampled on a grid over a view."""
    small = view.resized(*GRID)
    centre, directions = pixel_rays(grid_places(*GRID), view)
    xyz = centre + plane_depths(small).reshape(-1, 1) * directions
    waves = torch.arange(1.0, channels + 1)
    return torch.sin(xyz[:, :1] * waves + xyz[:, 1:2] * waves.flip(0)).reshape(*GRID, channels)


def plane_example() -> LiftExample:
    """The plane with its depth and features of seven channels."""
    given = sources(4)
    cameras = given.cameras
    maps = torch.stack([features_of(cameras[[at]], 7) for at in range(4)])
    return LiftExample(
        scene="plane",
        view=0,
        target=TARGET,
        image=photographs(TARGET).images[0].clamp(0, 1),
        depth=plane_depths(TARGET),
        sources=replace(given, images=given.images.clamp(0, 1)),
        depth_range=RANGE,
        target_features={"waves": features_of(TARGET, 7)},
        source_features={"waves": maps},
    )
