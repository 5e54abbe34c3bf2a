"""Rendered features against 2D features: cosine plus a robust L2.

Both arguments are in standardised units, mean removed: raw cosines of encoder maps are inflated by
the common mean (`methods.md` section 7), so the angle is measured around it, as the metric does.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def cosine_distance(
    rendered: Float[Tensor, "rays channels"], target: Float[Tensor, "rays channels"]
) -> Float[Tensor, " rays"]:
    """``1 - cos`` per ray, in [0, 2]; finite gradients at zero vectors."""
    return 1.0 - F.cosine_similarity(rendered, target, dim=-1, eps=1e-6)


def robust_l2(
    rendered: Float[Tensor, "rays channels"], target: Float[Tensor, "rays channels"]
) -> Float[Tensor, " rays"]:
    """Huber's loss with threshold 1 (one standard deviation), averaged over channels."""
    return F.smooth_l1_loss(rendered, target, reduction="none").mean(dim=-1)


def weighted_mean(
    values: Float[Tensor, " rays"], weights: Float[Tensor, " rays"]
) -> Float[Tensor, ""]:
    """Mean by weights >= 0; values of weight 0 may be anything. Zero where all weights are zero."""
    kept = torch.where(weights > 0, values, torch.zeros_like(values))
    return (weights * kept).sum() / weights.sum().clamp_min(1e-6)
