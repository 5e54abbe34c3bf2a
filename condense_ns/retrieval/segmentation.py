"""Which of several classes a feature belongs to.

With d_k the mean direction of the embeddings of class k (its words describe one thing, as positives
of a query do) and t the encoder's inverse temperature, the probability of class k is

    p_k(f) = exp(t cos(f, d_k)) / sum_j exp(t cos(f, d_j))

as in zero-shot classification with CLIP: A. Radford et al., Learning transferable visual models from
natural language supervision, 2021, section 3.1. The label is the most probable class; of
classes with exactly the same cosine the first. A zero vector is equally like every class.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.retrieval.relevancy import (
    CHUNK,
    check_inverse_temperature,
    mean_direction,
)

REJECTED = -1


def class_scores(
    features: Float[Tensor, "*batch channels"],
    embeddings: Sequence[Float[Tensor, "_ _"]],
    inverse_temperature: float,
) -> Float[Tensor, "*batch classes"]:
    """Probability of each class; those of a feature sum to 1.

    Args:
        features: of any lengths.
        embeddings: of the words of each class, [words channels], of any lengths > 0.
        inverse_temperature: t, in (0, 1000]; the larger, the surer.

    Raises:
        UserError: no class, one without embeddings, other widths, or values that are not finite.
    """
    rows, directions = _checked(features, embeddings, inverse_temperature)
    parts = [_probabilities(chunk, directions, inverse_temperature) for chunk in rows.split(CHUNK)]
    scores = torch.cat(parts) if parts else rows.new_zeros(0, len(directions))
    return scores.reshape(*features.shape[:-1], len(directions))


def segment(
    features: Float[Tensor, "*batch channels"],
    embeddings: Sequence[Float[Tensor, "_ _"]],
    inverse_temperature: float,
    reject_below: float = 0.0,
) -> Int[Tensor, "*batch"]:
    """Number of the most probable class, or -1 if that is not probable enough.

    Args:
        features: of any lengths.
        embeddings: of the words of each class, [words channels], of any lengths > 0.
        inverse_temperature: t, in (0, 1000]; without rejection it does not matter.
        reject_below: smallest probability, in [0, 1], of a label that is given; 0 gives them all.

    Raises:
        UserError: as for `class_scores`, or `reject_below` outside [0, 1].
    """
    if not 0.0 <= reject_below <= 1.0:
        raise UserError(f"reject_below is {reject_below}, it must lie in [0, 1]")
    rows, directions = _checked(features, embeddings, inverse_temperature)
    parts = [
        _labels(chunk, directions, inverse_temperature, reject_below) for chunk in rows.split(CHUNK)
    ]
    labels = torch.cat(parts) if parts else rows.new_zeros(0, dtype=torch.long)
    return labels.reshape(features.shape[:-1])


def _labels(
    features: Float[Tensor, "rows channels"],
    directions: Float[Tensor, "classes channels"],
    inverse_temperature: float,
    reject_below: float,
) -> Int[Tensor, " rows"]:
    """Labels of a chunk; from products, since probabilities that round to 1 would tie."""
    products = directions @ features.T  # cosines times the norm, which classes share
    highest, labels = products.max(dim=0)  # of several the first
    _refuse_what_is_not_finite(highest)
    if reject_below == 0.0:
        return labels
    norms = torch.linalg.vector_norm(features, dim=1).clamp_min(1e-8)
    behind = inverse_temperature * (products - highest) / norms
    return labels.masked_fill(behind.exp().sum(dim=0).reciprocal() < reject_below, REJECTED)


def _probabilities(
    features: Float[Tensor, "rows channels"],
    directions: Float[Tensor, "classes channels"],
    inverse_temperature: float,
) -> Float[Tensor, "rows classes"]:
    norms = torch.linalg.vector_norm(features, dim=1).clamp_min(1e-8)
    probabilities = (inverse_temperature * (directions @ features.T) / norms).softmax(dim=0)
    _refuse_what_is_not_finite(probabilities[0])
    return probabilities.T


def _refuse_what_is_not_finite(values: Float[Tensor, " rows"]) -> None:
    if not torch.isfinite(values).all():
        raise UserError("features that are not finite belong to no class; train the scene longer")


def _checked(
    features: Float[Tensor, "*batch channels"],
    embeddings: Sequence[Float[Tensor, "_ _"]],
    inverse_temperature: float,
) -> tuple[Float[Tensor, "rows channels"], Float[Tensor, "classes channels"]]:
    """Features as rows and the direction of each class."""
    check_inverse_temperature(inverse_temperature, "the classes")
    if not embeddings or not all(len(words) for words in embeddings):
        raise UserError("give at least one class, and words for each")
    channels = features.shape[-1]
    widths = {words.shape[1] for words in embeddings}
    if widths != {channels}:
        raise UserError(
            f"classes have {sorted(widths)} channels, the features {channels}: one encoder for both"
        )
    directions = torch.stack([mean_direction(words) for words in embeddings]).to(features)
    return features.reshape(-1, channels), F.normalize(directions, dim=-1)
