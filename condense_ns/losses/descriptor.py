"""What makes descriptors useful: the same place in two views is nearer than any other place.

InfoNCE over correspondences, in both directions; places nearer to the true one than a safe radius
are neither right nor wrong and left out. Reliability is the probability that a match is right, so it
is learned from whether matches are right.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F


def match_logits(
    descriptors_a: Float[Tensor, "pairs channels"],
    descriptors_b: Float[Tensor, "pairs channels"],
    pixels_b: Float[Tensor, "pairs 2"],
    temperature: float,
    safe_radius: float,
) -> Float[Tensor, "pairs pairs"]:
    """Cosine of every a with every b over the temperature; -inf for what is too near to tell.

    Args:
        descriptors_a: unit vectors, row i of the same place as row i of b.
        descriptors_b: unit vectors.
        pixels_b: where the b are.
        temperature: above 0.
        safe_radius: pixels around the true place that hold no other place.
    """
    near = torch.cdist(pixels_b, pixels_b) < safe_radius
    near.fill_diagonal_(False)
    return (descriptors_a @ descriptors_b.T / temperature).masked_fill(near, -torch.inf)


def contrast(logits: Float[Tensor, "pairs pairs"]) -> Float[Tensor, ""]:
    """Cross-entropy of finding each partner, in both directions; 0 without pairs."""
    if len(logits) == 0:
        return logits.sum()
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def matched(logits: Float[Tensor, "pairs pairs"]) -> Bool[Tensor, " pairs"]:
    """Which a have their own partner as mutual nearest neighbour."""
    if len(logits) == 0:
        return torch.zeros(0, dtype=torch.bool, device=logits.device)
    right = torch.arange(len(logits), device=logits.device)
    return (logits.argmax(dim=1) == right) & (logits.argmax(dim=0) == right)


def reliability(
    logits: Float[Tensor, " pairs"], right: Bool[Tensor, " pairs"]
) -> Float[Tensor, ""]:
    """Cross-entropy of the reliability that was claimed against what happened; 0 without pairs."""
    if len(logits) == 0:
        return logits.sum()
    return F.binary_cross_entropy_with_logits(logits, right.to(logits.dtype))
