"""nerfstudio's cameras as ideal ones."""

import torch
from nerfstudio.cameras.cameras import Cameras, CameraType

from condense_ns.errors import UserError
from condense_ns.geometry.conventions import world_to_camera_cv
from condense_ns.geometry.pinhole import PinholeViews


def pinhole_of(camera: Cameras) -> PinholeViews:
    """The ideal camera at the place of one camera; what its lens distorts is left out.

    Raises:
        UserError: its pictures are no perspective ones.
    """
    one = camera if camera.shape == (1,) else camera.reshape((1,))
    if int(one.camera_type[0]) not in (CameraType.PERSPECTIVE.value, CameraType.FISHEYE.value):
        raise UserError("only perspective cameras can be rendered; choose one as camera type")
    rotation, translation = world_to_camera_cv(one.camera_to_worlds.double())
    pose = torch.eye(4, device=one.device)[None].clone()
    pose[:, :3, :3], pose[:, :3, 3] = rotation.float(), translation.float()
    intrinsics = torch.eye(3, device=one.device)[None].clone()
    intrinsics[:, 0, 0], intrinsics[:, 1, 1] = one.fx[:, 0], one.fy[:, 0]
    intrinsics[:, 0, 2], intrinsics[:, 1, 2] = one.cx[:, 0], one.cy[:, 0]
    return PinholeViews(intrinsics, pose, int(one.height[0]), int(one.width[0]))
