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
NEAREST = 1e-3  # of the depth: points behind a camera are kept in front of it


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
    xyz = start.clone()
    for _ in range(rounds):
        hessian, gradient, _, depth = _normal_equations(xyz, sightings, views, noise)
        step = torch.linalg.solve(hessian, gradient)
        limit = LARGEST_STEP * depth
        length = torch.linalg.vector_norm(step, dim=1).clamp_min(1e-300)
        xyz = xyz - step * (limit / length).clamp_max(1.0)[:, None]
    hessian, _, errors, _ = _normal_equations(xyz, sightings, views, noise)
    return Triangulated(xyz, torch.linalg.inv(hessian), errors)


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
    rotation, focal = views.rotations[sightings.views], views.focals[sightings.views]
    local = torch.einsum("sij,sj->si", rotation, xyz[sightings.points])
    local = local + views.translations[sightings.views]
    depth = local[:, 2].clamp_min(NEAREST)
    plane = local[:, :2] / depth[:, None]
    residual = (plane - sightings.ideal) * focal[:, None]
    errors = torch.linalg.vector_norm(residual, dim=1)
    slope = torch.zeros(len(depth), 2, 3, dtype=xyz.dtype, device=xyz.device)
    slope[:, 0, 0] = slope[:, 1, 1] = focal / depth
    slope[:, :, 2] = -plane * (focal / depth)[:, None]
    slope = slope @ rotation
    weight = robust_weights(errors / noise.pixels) / noise.pixels**2
    known = sightings.depths > 0
    spread = (noise.depth * sightings.depths).clamp_min(1e-12)
    apart = depth - sightings.depths
    depth_weight = torch.where(known, robust_weights(apart / spread) / spread**2, 0.0)
    axis = rotation[:, 2]
    hessians = torch.einsum("s,ski,skj->sij", weight, slope, slope)
    hessians = hessians + torch.einsum("s,si,sj->sij", depth_weight, axis, axis)
    gradients = torch.einsum("s,ski,sk->si", weight, slope, residual)
    gradients = gradients + (depth_weight * apart)[:, None] * axis
    count = len(xyz)
    hessian = sum_by(sightings.points, hessians.flatten(1), count).reshape(count, 3, 3)
    gradient = sum_by(sightings.points, gradients, count)
    number = sum_by(sightings.points, torch.ones_like(depth)[:, None], count)[:, 0].clamp_min(1.0)
    mean_depth = sum_by(sightings.points, depth[:, None], count)[:, 0] / number
    held = torch.diagonal(hessian, dim1=1, dim2=2).sum(dim=1) * 1e-9 + 1e-12
    hessian = hessian + held[:, None, None] * torch.eye(3, dtype=xyz.dtype, device=xyz.device)
    return hessian, gradient, errors, mean_depth


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
