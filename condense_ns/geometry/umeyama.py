"""The similarity that moves points onto others best, in the sense of least squares.

S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 13(4),
1991, equations 39 to 43.
"""

import torch
from jaxtyping import Float64
from torch import Tensor

LEAST_SPREAD = 1e-12


def similarities(
    source: Float64[Tensor, "*batch points 3"], target: Float64[Tensor, "*batch points 3"]
) -> tuple[Float64[Tensor, "*batch 3 3"], Float64[Tensor, "*batch 3"], Float64[Tensor, "*batch"]]:
    """Rotation R, translation t and scale s that minimise the sum of |s R source + t - target|^2.

    Args:
        source: at least three points that are not on one line.
        target: where each should come to lie.
    """
    source_mean, target_mean = source.mean(dim=-2), target.mean(dim=-2)
    from_source, from_target = (
        source - source_mean[..., None, :],
        target - target_mean[..., None, :],
    )
    count = source.shape[-2]
    covariance = from_target.transpose(-1, -2) @ from_source / count
    left, stretch, right = torch.linalg.svd(covariance)
    sign = torch.ones_like(stretch)
    sign[..., 2] = torch.where(torch.linalg.det(left @ right) < 0, -1.0, 1.0)
    rotation = left * sign[..., None, :] @ right
    spread = from_source.square().sum(dim=(-2, -1)) / count
    scale = (stretch * sign).sum(dim=-1) / spread.clamp_min(LEAST_SPREAD)
    moved = (rotation @ source_mean[..., None])[..., 0]
    return rotation, target_mean - scale[..., None] * moved, scale
