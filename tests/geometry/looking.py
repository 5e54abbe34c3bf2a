"""Ideal cameras that look at a point."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews

HEIGHT, WIDTH, FOCAL = 48, 64, 60.0


def looking_at(
    centres: Float[Tensor, "views 3"], point: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> PinholeViews:
    """Views from these places towards the point, z up."""
    forward = F.normalize(torch.tensor(point) - centres, dim=1)
    up = torch.tensor([[0.0, 0.0, 1.0]]).expand_as(forward)
    right = F.normalize(torch.linalg.cross(forward, up), dim=1)
    rotations = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=1)
    poses = torch.eye(4).repeat(len(centres), 1, 1)
    poses[:, :3, :3] = rotations
    poses[:, :3, 3] = -torch.einsum("vij,vj->vi", rotations, centres)
    matrix = torch.tensor([[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]])
    return PinholeViews(matrix.repeat(len(centres), 1, 1), poses, HEIGHT, WIDTH)


def around(degrees: list[float], radius: float = 4.0) -> PinholeViews:
    """Views on a circle about the origin, looking at it."""
    angles = torch.deg2rad(torch.tensor(degrees))
    places = [radius * angles.cos(), radius * angles.sin(), torch.zeros_like(angles)]
    return looking_at(torch.stack(places, dim=1))


def moved(
    views: PinholeViews, rotation: Float[Tensor, "3 3"], shift: Float[Tensor, "3"], scale: float
) -> PinholeViews:
    """The same views of a world that was turned, scaled and shifted."""
    turned = looking_at(torch.ones(len(views), 3), (0.0, 0.0, 0.0)).world_to_camera_cv.clone()
    turned[:, :3, :3] = views.world_to_camera_cv[:, :3, :3] @ rotation.T
    centres = scale * views.centres @ rotation.T + shift
    turned[:, :3, 3] = -torch.einsum("vij,vj->vi", turned[:, :3, :3], centres)
    return PinholeViews(views.intrinsics, turned, views.height, views.width)
