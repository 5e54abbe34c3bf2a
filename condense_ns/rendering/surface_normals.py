"""Normals of the surfaces in a density."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

RELATIVE_STEP = 0.03  # densities of short trainings are rough: smaller steps measure their noise
LEAST_DENSITY = 1e-6  # emptiness has no logarithm
CORNERS = ((1.0, 1.0, 1.0), (1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0))

Density = Callable[[Float[Tensor, "points 4 3"]], Float[Tensor, "points 4 1"]]


def surface_normals(
    density: Density,
    points: Float[Tensor, "points 3"],
    directions: Float[Tensor, "points 3"],
    distances: Float[Tensor, "points 1"],
    relative_step: float = RELATIVE_STEP,
) -> Float[Tensor, "points 3"]:
    """Directions in which a density falls fastest, from its values at the corners of tetrahedra.

    It is the logarithm that is differentiated: a density grows by orders of magnitude across a
    surface, so that of its plain values the largest alone would decide.

    Args:
        density: positions to densities, >= 0.
        points: on surfaces.
        directions: unit vectors from the camera to the points.
        distances: from the camera to the points, > 0, in the unit of the points.
        relative_step: radius of a tetrahedron as a share of the distance, > 0: what is far is seen
            by fewer pixels, so less of its shape is known.

    Returns:
        Unit vectors that face the camera; straight towards it where the density is constant.
    """
    corners = points.new_tensor(CORNERS) / 3.0**0.5
    positions = points[:, None] + relative_step * distances[:, None] * corners
    levels = density(positions).clamp_min(LEAST_DENSITY).log()
    levels = levels - levels.mean(dim=1, keepdim=True)  # else rounding tilts what is constant
    falling = -(levels * corners).sum(dim=1)
    constant = (levels == 0.0).all(dim=1)
    normals = F.normalize(torch.where(constant, -directions, falling), dim=-1)
    away = (normals * directions).sum(dim=-1, keepdim=True) > 0.0
    return torch.where(away, -normals, normals)


def normal_colours(normals: Float[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
    """Unit vectors as RGB in [0, 1], in nerfstudio's convention (n + 1) / 2."""
    return ((normals + 1.0) / 2.0).clamp(0.0, 1.0)
