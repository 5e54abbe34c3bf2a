"""How far cameras are from each other, for want of anything known about what they see."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews

ANGLE_OF_ONE_SPACING = 20.0
"""Degrees between viewing directions that count as much as one spacing of the cameras."""


def camera_spacing(views: PinholeViews) -> float:
    """Median distance from a camera to the nearest one at another place; 1 if there is none."""
    distances = torch.cdist(views.centres, views.centres)
    apart = torch.where(distances > 1e-6 * distances.max(), distances, torch.inf)
    nearest = apart.min(dim=1).values if len(views) else distances.new_zeros(0)
    nearest = nearest[nearest.isfinite()]
    return float(nearest.median()) if len(nearest) else 1.0


def pose_distances(
    target: PinholeViews, views: PinholeViews, spacing: float
) -> Float[Tensor, " views"]:
    """Distance in spacings plus angle between the viewing directions, `ANGLE_OF_ONE_SPACING` each.

    Args:
        target: one view.
        views: any number.
        spacing: `camera_spacing` of the scene.
    """
    away = torch.linalg.vector_norm(views.centres - target.centres, dim=-1) / spacing
    cosine = views.world_to_camera_cv[:, 2, :3] @ target.world_to_camera_cv[0, 2, :3]
    angle = torch.rad2deg(torch.acos(cosine.clamp(-1.0, 1.0)))
    return away + angle / ANGLE_OF_ONE_SPACING


def spread_views(views: PinholeViews, count: int, spacing: float) -> list[int]:
    """Views far from each other: each is the one farthest from those chosen before."""
    if len(views) <= count:
        return list(range(len(views)))
    chosen = [0]
    nearest = pose_distances(views[[0]], views, spacing)
    while len(chosen) < count:
        nearest[chosen] = -1.0  # also where other cameras stand at the same place
        chosen.append(int(nearest.argmax()))
        nearest = torch.minimum(nearest, pose_distances(views[[chosen[-1]]], views, spacing))
    return sorted(chosen)
