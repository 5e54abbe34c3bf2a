"""How well rendered features agree with an encoder's own (`methods.md` 7.1).

``cos_c(a, b) = cos(a - m, b - m)`` with m the mean feature over the *training* views: raw cosines of
ViT maps are inflated by the common mean, so the centred one is the headline.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def centred_cosine(
    first: Float[Tensor, "*batch channels"],
    second: Float[Tensor, "*batch channels"],
    mean: Float[Tensor, " channels"],
) -> Float[Tensor, "*batch"]:
    """Cosine after subtracting the mean, in [-1, 1]; 0 where a centred vector is zero."""
    return F.cosine_similarity(first - mean, second - mean, dim=-1, eps=1e-8)


def feature_agreement(
    rendered: Float[Tensor, "cells channels"],
    truth: Float[Tensor, "cells channels"],
    mean: Float[Tensor, " channels"],
    valid: Bool[Tensor, " cells"],
) -> dict[str, float]:
    """`cos_c`, plain `cosine`, `r2` over the valid cells, and `coverage`, the share of valid cells.

    ``r2 = 1 - sum |rendered - truth|^2 / sum |truth - m|^2``: 0 for the constant m, 1 at best.
    All but the coverage are NaN when no cell is valid.
    """
    kept, target = rendered[valid], truth[valid]
    error = (kept - target).pow(2).sum()
    spread = (target - mean).pow(2).sum()
    return {
        "cos_c": centred_cosine(kept, target, mean).mean().item(),
        "cosine": F.cosine_similarity(kept, target, dim=-1).mean().item(),
        "r2": (1.0 - error / spread).item(),
        "coverage": valid.float().mean().item(),
    }


def nan_mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """Mean of each key over the rows that have a number there."""
    table = torch.tensor([[row[key] for key in rows[0]] for row in rows], dtype=torch.float64)
    return dict(zip(rows[0], torch.nanmean(table, dim=0).tolist(), strict=True))
