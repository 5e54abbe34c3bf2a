"""Poses in OpenGL's convention, as nerfstudio has them, and in OpenCV's, as COLMAP has them.

OpenGL's camera looks along -z with y up and is given camera-to-world; OpenCV's looks along z with y
down and is given world-to-camera.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

_FLIPPED = torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)


def world_to_camera_cv(
    camera_to_world: Float64[Tensor, "*views 3 4"],
) -> tuple[Float64[Tensor, "*views 3 3"], Float64[Tensor, "*views 3"]]:
    """Rotation and translation of OpenCV's camera at an OpenGL pose."""
    rotation = _FLIPPED.to(camera_to_world.device)[:, None] * camera_to_world[..., :3].transpose(
        -1, -2
    )
    return rotation, -(rotation @ camera_to_world[..., 3:])[..., 0]


def camera_to_world_gl(
    rotation: Float64[Tensor, "*views 3 3"], translation: Float64[Tensor, "*views 3"]
) -> Float64[Tensor, "*views 3 4"]:
    """OpenGL pose of an OpenCV camera; the inverse of `world_to_camera_cv`."""
    turned = rotation.transpose(-1, -2)
    centre = -(turned @ translation[..., None])
    return torch.cat([turned * _FLIPPED.to(turned.device), centre], dim=-1)
