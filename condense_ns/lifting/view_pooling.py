"""Weights and statistics over the sources that see a point."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

LEAST_LOGIT = -1e4
"""Of a source that does not see a point."""


def softmax_of_seen(
    logits: Float[Tensor, "sources points"], seen: Bool[Tensor, "sources points"]
) -> Float[Tensor, "sources points"]:
    """Weights of the sources that see a point; zeros where none does."""
    return torch.where(seen, logits, LEAST_LOGIT).softmax(dim=0) * seen


def pooled(
    values: Float[Tensor, "sources points channels"], weights: Float[Tensor, "sources points"]
) -> tuple[Float[Tensor, "points channels"], Float[Tensor, "points channels"]]:
    """Weighted mean and variance over the sources, one after the other: what is summed stays in the cache."""
    mean, square = torch.zeros_like(values[0]), torch.zeros_like(values[0])
    for weight, value in zip(weights[..., None], values, strict=True):
        weighed = weight * value
        mean += weighed
        square.addcmul_(weighed, value)
    return mean, (square - mean.square()).clamp_min(0)
