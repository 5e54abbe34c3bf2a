"""Where pixels of one view land in another, told from two feature maps alone (MVNet, `methods.md` 2.3).

Every pixel of the first view asks all pixels of the second; the answers' softmax, averaged over where
these pixels are, is where it lands. All places are (x, y) from 0 to 1 across the image.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_OUT = -1e4
"""Logit of what cannot be an answer; finite, so that a view without any answer has no NaN."""


def expected_places(
    queries: Float[Tensor, "pairs cells_a channels"],
    keys: Float[Tensor, "pairs cells_b channels"],
    answers: Bool[Tensor, "pairs cells_b"],
    places: Float[Tensor, "cells_b 2"],
    sharpness: Float[Tensor, ""],
) -> Float[Tensor, "pairs cells_a 2"]:
    """Soft-argmax of the inner products of queries and keys.

    Args:
        queries: unit vectors of the first views' cells.
        keys: unit vectors of the second views' cells.
        answers: which cells of the second views show anything.
        places: of the second views' cells.
        sharpness: factor from cosines to logits, above 0.
    """
    logits = sharpness * torch.einsum("pac,pbc->pab", queries, keys)
    logits = logits.masked_fill(~answers[:, None], _OUT)
    return logits.softmax(dim=2) @ places


def landing_distance(
    found: Float[Tensor, "pairs cells 2"],
    true: Float[Tensor, "pairs cells 2"],
    shared: Bool[Tensor, "pairs cells"],
) -> Float[Tensor, ""]:
    """Mean distance of found from true places, in parts of the image, over cells that both views see."""
    apart = (found - torch.where(shared[..., None], true, found.detach())).abs().sum(dim=2)
    return (apart * shared).sum() / shared.sum().clamp_min(1)
