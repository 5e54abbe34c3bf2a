"""Ideal cameras as nerfstudio has them."""

import torch
from nerfstudio.cameras.cameras import Cameras, CameraType

from condense_ns.geometry.conventions import camera_to_world_gl
from condense_ns.geometry.pinhole import PinholeViews


def host_cameras(*groups: PinholeViews) -> Cameras:
    """The same cameras, without distortion; the images of each group may have a size of their own."""
    pose = torch.cat([views.world_to_camera_cv for views in groups]).double()
    matrix = torch.cat([views.intrinsics for views in groups])
    sizes = [(views.width, views.height) for views in groups for _ in range(len(views))]
    width, height = torch.tensor(sizes, device=matrix.device).reshape(-1, 2).long().T
    return Cameras(
        camera_to_worlds=camera_to_world_gl(pose[:, :3, :3], pose[:, :3, 3]).float(),
        fx=matrix[:, 0, 0, None],
        fy=matrix[:, 1, 1, None],
        cx=matrix[:, 0, 2, None],
        cy=matrix[:, 1, 2, None],
        width=width[:, None],
        height=height[:, None],
        camera_type=CameraType.PERSPECTIVE,
    )
