"""Regions and scenes near their own words (`methods.md` 1.2, row language; the loss is ours).

InfoNCE from regions to captions: a region should be nearer to its own caption than to all others.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F


def pooled_regions(
    features: Float[Tensor, "cells channels"],
    region: Int64[Tensor, " cells"],
    weights: Float[Tensor, " cells"],
    count: int,
) -> tuple[Float[Tensor, "regions channels"], Float[Tensor, " regions"]]:
    """Weighted mean feature of each region, and its weight.

    Args:
        features: of cells.
        region: number of each cell's region; below 0 for none.
        weights: of the cells, at least 0.
        count: of regions.
    """
    inside = weights * (region >= 0)
    at = region.clamp_min(0)
    total = torch.zeros(count, device=weights.device, dtype=weights.dtype).index_add(0, at, inside)
    sums = features.new_zeros(count, features.shape[1])
    sums = sums.index_add(0, at, features * inside[:, None])
    return sums / total.clamp_min(1e-6)[:, None], total


def caption_contrast(
    regions: Float[Tensor, "regions channels"],
    captions: Float[Tensor, "captions channels"],
    own: Int64[Tensor, " regions"],
    weights: Float[Tensor, " regions"],
    sharpness: float,
) -> Float[Tensor, ""]:
    """Cross-entropy of each region's own caption among all, by weights; zero where these are.

    Args:
        regions: features, of any length.
        captions: embeddings of texts, no two alike.
        own: number of each region's caption.
        weights: of the regions, at least 0.
        sharpness: factor from cosines to logits, above 0.
    """
    cosines = F.normalize(regions, dim=1, eps=1e-6) @ F.normalize(captions, dim=1, eps=1e-6).T
    entropies = F.cross_entropy(sharpness * cosines, own, reduction="none")
    return (entropies * weights).sum() / weights.sum().clamp_min(1e-6)
