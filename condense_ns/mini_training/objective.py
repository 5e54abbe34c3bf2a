"""What `mini` is trained for, as pure functions of embeddings.

All similarities are cosines times a learned `scale`, the inverse temperature of CLIP. Patches are
flattened over the batch; a patch that has no clear answer is left out by its mark -1 or by a row
without a positive. A loss without a single valid row is 0 and has gradients, all of them 0.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

_NEVER = -1.0e4


def similarities(
    rows: Float[Tensor, "rows channels"],
    columns: Float[Tensor, "columns channels"],
    scale: Float[Tensor, ""],
) -> Float[Tensor, "rows columns"]:
    """Cosine of every row with every column, times `scale`."""
    return scale * F.normalize(rows, dim=-1) @ F.normalize(columns, dim=-1).T


def image_caption_loss(
    logits: Float[Tensor, "images captions"], positive: Bool[Tensor, "images captions"]
) -> Float[Tensor, ""]:
    """CLIP's symmetric contrastive loss; equal captions are `positive` for each other's images."""
    forth = multi_positive_loss(logits, positive, torch.ones_like(logits[:, 0]))
    back = multi_positive_loss(logits.T, positive.T, torch.ones_like(logits[0]))
    return (forth + back) / 2


def class_loss(
    logits: Float[Tensor, "patches classes"],
    targets: Int64[Tensor, "patches"],
    class_weights: Float[Tensor, "classes"],
) -> Float[Tensor, ""]:
    """Weighted mean cross-entropy of patches against the texts of all classes; -1 is left out."""
    valid = targets >= 0
    known = targets.clamp_min(0)
    losses = F.cross_entropy(logits, known, reduction="none")
    return _weighted_mean(losses, class_weights[known] * valid)


def multi_positive_loss(
    logits: Float[Tensor, "rows columns"],
    positive: Bool[Tensor, "rows columns"],
    weights: Float[Tensor, "rows"],
) -> Float[Tensor, ""]:
    """Contrastive loss where several columns are right for a row and do not compete.

    Each positive is told apart from the negatives alone:
    ``-log(exp(p) / (exp(p) + sum of exp(negatives)))``, averaged over the positives of a row, then
    over the rows that have one, by `weights`.
    """
    negatives = logits.masked_fill(positive, _NEVER).logsumexp(dim=-1, keepdim=True)
    losses = F.softplus(negatives - logits) * positive
    count = positive.sum(dim=-1)
    return _weighted_mean(losses.sum(dim=-1) / count.clamp_min(1), weights * (count > 0))


def generic_loss(
    logits: Float[Tensor, "patches phrases"],
    positive: Bool[Tensor, "patches phrases"],
    generic: Float[Tensor, "patches"],
    weights: Float[Tensor, "patches"],
) -> Float[Tensor, ""]:
    """A word for anything stands above phrases that are wrong and below those that are true.

    This is what a query is decided by: its similarity against that with "object" or "things".

    Args:
        logits: of the phrases.
        positive: which of them are true of the patch.
        generic: logit of a generic word.
        weights: of the patches; those without a true phrase do not count.
    """
    true_above = F.softplus(generic[:, None] - logits) * positive
    false_below = F.softplus(logits - generic[:, None]) * ~positive
    count = positive.sum(dim=-1)
    above = true_above.sum(dim=-1) / count.clamp_min(1)
    below = false_below.sum(dim=-1) / (~positive).sum(dim=-1).clamp_min(1)
    return _weighted_mean(above + below, weights * (count > 0))


def balanced_weights(frequencies: Float[Tensor, "classes"]) -> Float[Tensor, "classes"]:
    """Weights like ``1 / sqrt(frequency)`` whose mean over all patches is 1."""
    share = frequencies / frequencies.sum().clamp_min(1e-9)
    weights = share.clamp_min(1e-4).rsqrt()
    return weights / (weights * share).sum().clamp_min(1e-9)


def _weighted_mean(
    losses: Float[Tensor, "rows"], weights: Float[Tensor, "rows"]
) -> Float[Tensor, ""]:
    return (losses * weights).sum() / weights.sum().clamp_min(1e-9)
