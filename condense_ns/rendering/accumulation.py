"""Per-sample vectors -> per-ray vectors, ``F(r) = sum_i w_i f(x_i)`` (`methods.md` 1.3).

`weights` are compositing weights: >= 0 and summing to at most 1 along a ray.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def strongest_samples(
    weights: Float[Tensor, "rays samples"], count: int
) -> tuple[Float[Tensor, "rays kept"], Int[Tensor, "rays kept"]]:
    """The `count` largest weights of each ray and their sample indices (fewer if there are fewer).

    A ray's weights gather in a few samples at the surface, so a handful carries the feature at a
    fraction of the grid lookups.
    """
    return torch.topk(weights, min(count, weights.shape[1]), dim=1, sorted=False)


def composite(
    weights: Float[Tensor, "rays samples"],
    values: Float[Tensor, "rays samples channels"],
    eps: float = 1e-6,
) -> Float[Tensor, "rays channels"]:
    """The weighted mean ``sum_i w_i v_i / max(sum_i w_i, eps)``; zero where all weights are zero.

    Dividing by the opacity makes a ray's feature comparable with a 2D feature however thin the
    surface is (`methods.md` 1.3); callers leave out rays of low opacity.
    """
    total = weights.sum(dim=1, keepdim=True).clamp_min(eps)
    return torch.einsum("rs,rsc->rc", weights / total, values)
