"""How far two answers of an operator about the same places are apart, in the answer's own kind.

==============  ==================================================================
``features``    1 - cos_c, the cosine after the mean feature was taken from both
``labels``      share of places with different classes
``picture``     root mean square difference of colours in [0, 1]
==============  ==================================================================

The same distance measures inconsistency (two views, places that both see) and infidelity (one view, the
lifted answer and the operator's own).
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from condense_ns.metrics.feature_agreement import centred_cosine

Kind = Literal["features", "labels", "picture"]


def answer_distance(
    kind: Kind,
    first: Float[Tensor, "places channels"],
    second: Float[Tensor, "places channels"],
    mean: Float[Tensor, " feature_channels"],
) -> float:
    """Distance of two answers, 0 for the same.

    Args:
        kind: of the answers.
        first: feature, one number of class, or colour of each place; at least one place.
        second: the same places.
        mean: mean feature; not used for other kinds.
    """
    if kind == "labels":
        return (first != second).any(dim=1).float().mean().item()
    if kind == "picture":
        return (first - second).square().mean().sqrt().item()
    return 1.0 - centred_cosine(first, second, mean).mean().item()


def sharpness(picture: Float[Tensor, "3 height width"]) -> float:
    """Mean length of differences between neighbouring pixels: blur wins consistency for free."""
    across = picture.diff(dim=2).abs().mean()
    down = picture.diff(dim=1).abs().mean()
    return float(across + down)
