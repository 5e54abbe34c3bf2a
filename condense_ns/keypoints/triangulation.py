"""Positions of points from where views see them, robustly.

Minimises over X_p, for all points p at once by Gauss-Newton,

    sum over sightings s of p   rho(|pi(X_p) - u_s| / sigma_u) + rho((z_s(X_p) - d_s) / sigma_d)

with pi the ideal projection into the view of s times its focal length, z_s the depth along its
optical axis, and d_s the depth that the scene's geometry gives there, whose error sigma_d grows with
it. rho is Geman and McClure's, which forgets what lies far off. Rays that cross at a good angle fix a
point better than any depth; where they are nearly parallel, depth does. The inverse of the Hessian is
the covariance of the position.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor

ROUNDS = 8
FORGET = 3.0  # standard deviations from which on a residual loses its say
LARGEST_STEP = 0.05  # of the distance, per round
SETTLED = 1e-6  # of the distance: a point that moves less in a round stays where it is
NEAREST = 1e-3  # smallest depth: points behind a camera count as this far in front of it


@dataclass(frozen=True)
class Sightings:
    """Which point is seen where, and by whom."""

    points: Int64[Tensor, " sightings"]
    """Numbers of points."""
    views: Int64[Tensor, " sightings"]
    """Numbers of views."""
    ideal: Float64[Tensor, "sightings 2"]
    """Where on the plane at distance 1 before the camera (x right, y down), free of distortion."""
    depths: Float64[Tensor, " sightings"]
    """Depth of the surface there along the optical axis; 0 where unknown."""


@dataclass(frozen=True)
class Viewpoints:
    """The views that sightings count by."""

    rotations: Float64[Tensor, "views 3 3"]
    """World to camera (OpenCV: x right, y down, z forward)."""
    translations: Float64[Tensor, "views 3"]
    """World to camera."""
    focals: Float64[Tensor, " views"]
    """Focal lengths in the pixels that detections are noisy in."""


@dataclass(frozen=True)
class Noise:
    """Standard deviations of what is measured."""

    pixels: float
    """Of a detection."""
    depth: float
    """Of a depth, relative to the depth."""


@dataclass(frozen=True)
class Triangulated:
    """Refined points."""

    xyz: Float64[Tensor, "points 3"]
    covariance: Float64[Tensor, "points 3 3"]
    """Of the position, from the noise that was assumed."""
    errors: Float64[Tensor, " sightings"]
    """Distance in pixels between each sighting and its point."""


def triangulate(
    start: Float64[Tensor, "points 3"],
    sightings: Sightings,
    views: Viewpoints,
    noise: Noise,
    rounds: int = ROUNDS,
) -> Triangulated:
    """Move points to where their sightings agree best.

    Args:
        start: first guess, for example the lifted detections.
        sightings: at least one of each point, or the point stays where it is.
        views: that see the points.
        noise: of detections and depths.
        rounds: of Gauss-Newton.

    Returns:
        the points, independent of the order of the sightings up to rounding.
    """
    xyz = moved_points(start, sightings, views, noise, rounds)
    hessian, _, errors, _ = _normal_equations(xyz, sightings, views, noise)
    return Triangulated(xyz, torch.linalg.inv(hessian), errors)


def moved_points(
    start: Float64[Tensor, "points 3"],
    sightings: Sightings,
    views: Viewpoints,
    noise: Noise,
    rounds: int,
) -> Float64[Tensor, "points 3"]:
    """Positions alone; arguments as for `triangulate`.

    Most points settle in a few rounds; once half of them have, the rest goes on alone.
    """
    xyz, moving, seen = start.clone(), torch.arange(len(start), device=start.device), sightings
    for _ in range(rounds):
        now = xyz[moving]
        hessian, gradient, _, depth = _normal_equations(now, seen, views, noise)
        step = torch.linalg.solve(hessian, gradient)
        limit = LARGEST_STEP * depth
        length = torch.linalg.vector_norm(step, dim=1).clamp_min(1e-300)
        xyz[moving] = now - step * (limit / length).clamp_max(1.0)[:, None]
        restless = length > (SETTLED * depth).clamp_min(1e-300)  # nobody sees those at depth 0
        if 2 * restless.sum() < len(moving):
            moving, seen = moving[restless], _seen_among(restless, seen)
    return xyz


def _seen_among(chosen: Bool[Tensor, " points"], sightings: Sightings) -> Sightings:
    """The sightings of some points, which are numbered anew."""
    kept = chosen[sightings.points]
    return Sightings(
        (chosen.cumsum(dim=0) - 1)[sightings.points[kept]],
        sightings.views[kept],
        sightings.ideal[kept],
        sightings.depths[kept],
    )


def _normal_equations(
    xyz: Float64[Tensor, "points 3"],
    sightings: Sightings,
    views: Viewpoints,
    noise: Noise,
) -> tuple[
    Float64[Tensor, "points 3 3"],
    Float64[Tensor, "points 3"],
    Float64[Tensor, " sightings"],
    Float64[Tensor, " points"],
]:
    """Hessian, gradient, errors in pixels, and the mean depth of each point."""
    rotation = views.rotations.permute(1, 2, 0)[:, :, sightings.views]
    local, residual, scale, errors = seen_from(xyz, sightings, views)
    depth = local[2].clamp_min(NEAREST)
    # rows of the derivative of the residual; sightings come last: many of them, few numbers each
    across = scale * (rotation[0] - (local[0] / depth) * rotation[2])
    down = scale * (rotation[1] - (local[1] / depth) * rotation[2])
    axis = rotation[2]
    weight = robust_weights(errors / noise.pixels) / noise.pixels**2
    known = sightings.depths > 0
    spread = (noise.depth * sightings.depths).clamp_min(1e-12)
    apart = depth - sightings.depths
    depth_weight = torch.where(known, robust_weights(apart / spread) / spread**2, 0.0)
    gradients = weight * (across * residual[0] + down * residual[1])
    gradients = gradients + depth_weight * apart * axis
    products = squares(weight, across, down) + squares(depth_weight, axis, torch.zeros_like(axis))
    count = len(xyz)
    numbers = torch.cat([products, gradients, depth[None], torch.ones_like(depth)[None]])
    sums = sum_by(sightings.points, numbers.T, count)
    hessian = symmetric(sums[:, :6], 3)
    held = torch.diagonal(hessian, dim1=1, dim2=2).sum(dim=1) * 1e-9 + 1e-12
    hessian = hessian + held[:, None, None] * torch.eye(3, dtype=xyz.dtype, device=xyz.device)
    return hessian, sums[:, 6:9], errors, sums[:, 9] / sums[:, 10].clamp_min(1.0)


def seen_from(
    xyz: Float64[Tensor, "points 3"], sightings: Sightings, views: Viewpoints
) -> tuple[
    Float64[Tensor, "3 sightings"],
    Float64[Tensor, "2 sightings"],
    Float64[Tensor, " sightings"],
    Float64[Tensor, " sightings"],
]:
    """Points in the axes of the cameras, how many pixels beside the detections, pixels per length, errors."""
    rotation = views.rotations.permute(1, 2, 0)[:, :, sightings.views]
    x, y, z = xyz.T[:, sightings.points]
    local = rotation[:, 0] * x + rotation[:, 1] * y + rotation[:, 2] * z
    local = local + views.translations.T[:, sightings.views]
    focal, depth = views.focals[sightings.views], local[2].clamp_min(NEAREST)
    residual = (local[:2] / depth - sightings.ideal.T) * focal
    return local, residual, focal / depth, torch.hypot(residual[0], residual[1])


def squares(
    weight: Float64[Tensor, " sightings"],
    across: Float64[Tensor, "numbers sightings"],
    down: Float64[Tensor, "numbers sightings"],
) -> Float64[Tensor, "products sightings"]:
    """Upper triangles of a a^T + d d^T, row by row, weighted."""
    side = len(across)
    products = across.new_empty(side * (side + 1) // 2, across.shape[1])
    row = 0
    for i in range(side):  # without copies of rows, which are as long as there are sightings
        block = products[row : row + side - i]
        torch.mul(across[i:], weight * across[i], out=block)
        block.addcmul_(down[i:], (weight * down[i])[None])
        row += side - i
    return products


def symmetric(
    triangles: Float64[Tensor, "owners products"], side: int
) -> Float64[Tensor, "owners side side"]:
    """Matrices of which the upper triangles are given, row by row."""
    i, j = torch.triu_indices(side, side)
    number = torch.zeros(side, side, dtype=torch.long)
    number[i, j] = number[j, i] = torch.arange(len(i))
    return triangles[:, number]


def robust_weights(deviations: Float64[Tensor, " sightings"]) -> Float64[Tensor, " sightings"]:
    """Weights of iteratively reweighted least squares, Geman-McClure."""
    return (1.0 + (deviations / FORGET).square()).square().reciprocal()


def sum_by(
    owners: Int64[Tensor, " sightings"], values: Float64[Tensor, "sightings numbers"], count: int
) -> Float64[Tensor, "owners numbers"]:
    """Rows of each owner, of whom there are `count`, added up."""
    return values.new_zeros(count, values.shape[1]).index_add_(0, owners, values)


def worst_deviation(covariance: Float64[Tensor, "points 3 3"]) -> Float64[Tensor, " points"]:
    """Standard deviation along the worst direction."""
    return torch.linalg.eigvalsh(covariance)[:, -1].clamp_min(0.0).sqrt()


def agreeing(errors: Float64[Tensor, " sightings"], noise: Noise) -> Bool[Tensor, " sightings"]:
    """Which sightings see the point where it is: within what rho does not forget."""
    return errors < FORGET * noise.pixels
