"""A smooth flight through the views of a scene, with nerfstudio's interpolation of poses."""

import torch
from nerfstudio.cameras.camera_paths import get_interpolated_camera_path
from nerfstudio.cameras.cameras import Cameras

from condense_ns.data.host_cameras import host_cameras
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.models.pinhole_camera import pinhole_of

KEYS = 6
"""Views that the flight passes."""


def smooth_path(views: PinholeViews, frames: int) -> PinholeViews:
    """Cameras between some of the views, one after the other along a short way through them.

    Args:
        views: of the scene, all of one size.
        frames: how many cameras, at least two.
    """
    spread = torch.linspace(0, len(views) - 1, min(KEYS, len(views))).round().long().tolist()
    keys = host_cameras(views[spread])
    gaps = max(1, len(keys) - 1)
    path: Cameras = get_interpolated_camera_path(keys, -(-frames // gaps), order_poses=True)
    chosen = torch.linspace(0, len(path) - 1, frames).round().long().tolist()
    cameras = [pinhole_of(path[at : at + 1]) for at in chosen]
    return PinholeViews(
        torch.cat([camera.intrinsics for camera in cameras]),
        torch.cat([camera.world_to_camera_cv for camera in cameras]),
        views.height,
        views.width,
    )
