"""Points and the poses of their views, adjusted to each other.

Poses of real datasets drift: those of 7-Scenes, measured by depth, disagree with the photographs by
up to a degree. Points that many views triangulate in such poses are pulled apart. So the poses may move a
little, held back by a Gaussian around what the dataset says: points and poses take turns, each the
least squares solution with the other one fixed (resection and intersection), robustly (`triangulation.py`).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float64
from torch import Tensor

from condense_ns.keypoints.triangulation import (
    NEAREST,
    Noise,
    Sightings,
    Triangulated,
    Viewpoints,
    moved_points,
    robust_weights,
    seen_from,
    squares,
    sum_by,
    symmetric,
    triangulate,
)

TURNS = 15
LOOSE_TURNS = 5
"""First turns, in which detections count as three times as noisy, so that far off ones have a say."""
STEPS_A_TURN = 2


@dataclass(frozen=True)
class PoseTrust:
    """How far the poses may be off: standard deviations."""

    degrees: float = 1.0
    distance: float = 0.02
    """Of the camera centre, relative to the median depth of what is seen."""


@dataclass(frozen=True)
class Adjusted:
    """Points and poses that agree."""

    points: Triangulated
    views: Viewpoints
    degrees: Float64[Tensor, " views"]
    """How far each view was turned."""


def adjust(
    start: Float64[Tensor, "points 3"],
    sightings: Sightings,
    views: Viewpoints,
    noise: Noise,
    trust: PoseTrust | None,
) -> Adjusted:
    """Move points and poses to where sightings agree best.

    Args:
        start: first guess of the points.
        sightings: of the points.
        views: as the dataset poses them; those without sightings stay there.
        noise: of detections and depths.
        trust: in the poses; None holds them where they are.
    """
    if trust is None:
        still = torch.zeros(len(views.rotations), dtype=torch.float64)
        return Adjusted(triangulate(start, sightings, views, noise), views, still)
    xyz, now = start, views
    depths = seen_from(xyz, sightings, views)[0][2]
    distance = trust.distance * float(depths.median()) if len(depths) else 1.0
    prior = torch.tensor([trust.degrees * torch.pi / 180.0] * 3 + [max(distance, 1e-9)] * 3)
    moved = torch.zeros(len(views.rotations), 6, dtype=torch.float64)
    for turn in range(TURNS):
        assumed = replace(noise, pixels=3.0 * noise.pixels) if turn < LOOSE_TURNS else noise
        xyz = moved_points(xyz, sightings, now, assumed, STEPS_A_TURN)
        now, moved = _resected(xyz, sightings, now, assumed, moved, prior.double())
    turned = torch.rad2deg(torch.linalg.vector_norm(moved[:, :3], dim=1))
    return Adjusted(triangulate(xyz, sightings, now, noise), now, turned)


def _resected(
    xyz: Float64[Tensor, "points 3"],
    sightings: Sightings,
    views: Viewpoints,
    noise: Noise,
    moved: Float64[Tensor, "views 6"],
    prior: Float64[Tensor, "6"],
) -> tuple[Viewpoints, Float64[Tensor, "views 6"]]:
    """Views after one Gauss-Newton step with the points fixed, and how far they have moved in all."""
    local, residual, scale, errors = seen_from(xyz, sightings, views)
    weight = robust_weights(errors / noise.pixels) / noise.pixels**2
    x, y, z = local
    # derivatives by a turn, then by a shift, where the camera sees (across, down) = (x, y) / z
    right, below = x / z.clamp_min(NEAREST), y / z.clamp_min(NEAREST)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    across = scale * torch.stack([-right * y, z + right * x, -y, one, zero, -right])
    down = scale * torch.stack([-z - below * y, below * x, x, zero, one, -below])
    gradients = weight * (across * residual[0] + down * residual[1])
    count = len(views.rotations)
    numbers = torch.cat([squares(weight, across, down), gradients])
    sums = sum_by(sightings.views, numbers.T, count)
    hessian = symmetric(sums[:, :21], 6) + torch.diag(prior**-2)
    gradient = sums[:, 21:]
    step = -torch.linalg.solve(hessian, gradient + moved * prior**-2)
    turn = torch.linalg.matrix_exp(_cross(step[:, :3]))
    return (
        Viewpoints(
            turn @ views.rotations,
            torch.einsum("vij,vj->vi", turn, views.translations) + step[:, 3:],
            views.focals,
        ),
        moved + step,
    )


def _cross(vectors: Float64[Tensor, "vectors 3"]) -> Float64[Tensor, "vectors 3 3"]:
    """Matrices that multiply like the cross product with a vector from the left."""
    x, y, z = vectors.unbind(dim=1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)
