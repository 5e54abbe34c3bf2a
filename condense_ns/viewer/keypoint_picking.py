"""Which keypoint a user means who clicks into the picture."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.viewer.panel_fields import Place
from condense_ns.viewer.panel_scene import View

BEHIND = 1.1  # times the depth of the frontmost keypoint in reach; what is deeper is hidden by it


def click_ray(view: View, place: Place) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Origin and direction of unit length, in nerfstudio's coordinates, of a place's ray."""
    camera = view.camera.to("cpu")
    x, y = place[0] * camera.width.item(), place[1] * camera.height.item()
    rays = camera.generate_rays(
        camera_indices=torch.zeros(1, 1, dtype=torch.long), coords=torch.tensor([[y, x]])
    )
    return rays.origins[0], torch.nn.functional.normalize(rays.directions[0], dim=0)


def tolerance_of(view: View, share: float) -> float:
    """Tangent of the angle that a share of the picture's height spans in its middle."""
    camera = view.camera
    return share * camera.height.item() / camera.fy.item()


def nearest_to_ray(
    points: Float[Tensor, "points 3"],
    origin: Float[Tensor, "3"],
    direction: Float[Tensor, "3"],
    tolerance: float,
    radius: float,
) -> int | None:
    """Number of the point that a click means, or None if none is in reach of its ray.

    Of points in reach, those well behind the frontmost are left out; of the others the one closest
    to the ray, as seen from its origin, is meant.

    Args:
        points: positions.
        origin: of the ray.
        direction: of the ray, unit length.
        tolerance: tangent of the angle off the ray that is still in reach; more than 0.
        radius: distance off the ray that is in reach however close the point is to the origin, a
            length: that of the drawn points.
    """
    relative = points - origin.to(points)
    depths = relative @ direction.to(points)
    off = torch.linalg.vector_norm(relative - depths[:, None] * direction.to(points), dim=1)
    reach = (tolerance * depths).clamp_min(radius)
    depths = torch.where((depths > 0) & (off <= reach), depths, math.inf)
    if not bool(depths.isfinite().any()):
        return None
    in_front = depths <= BEHIND * depths.min()
    return int(torch.where(in_front, off / depths, math.inf).argmin())
