"""The 2D and the 3D branch of one scene agree, and the 2D branch says the same from all views (`methods.md` 1.3, 2.3).

From one view the 2D branch also foretells what the encoder says of a surface from another. What differs
between views cannot be foretold, so that what they have in common is the best answer, as a picture without
noise is where one noisy picture is learned from another (J. Lehtinen et al., Noise2Noise, 2018): features
become steady without a pull towards being constant, and know no less. Two views that foretell each other
still differ by what only one of them shows. That both answers point the same way turns down directions in
which they vary from view to view; so that these are turned down and not lost, a linear layer must still
read from refined features what the encoder says in the other view. What it reads is what both branches
share: 3D features are the encoder's, too. Rendered ones are alike from everywhere, but in the first
thousands of steps know much less than the encoder does.

Features are in standardised units, mean removed. Distances are 1 - cosine plus a robust L2, since a
cosine alone leaves lengths free; which ones the papers take is unknown.
"""

from jaxtyping import Float
from torch import Tensor

from condense_ns.losses.distillation import cosine_distance, robust_l2, weighted_mean

LEAST_OPACITY = 0.5
"""Of rays whose rendered features count."""


def feature_distance(
    found: Float[Tensor, "rays channels"],
    wanted: Float[Tensor, "rays channels"],
    weights: Float[Tensor, " rays"],
) -> Float[Tensor, ""]:
    """Mean distance by weights of at least 0; zero where all of them are."""
    return weighted_mean(cosine_distance(found, wanted) + robust_l2(found, wanted), weights)


def agreement_losses(
    rendered: Float[Tensor, "rays channels"],
    refined: Float[Tensor, "rays channels"],
    opacity: Float[Tensor, " rays"],
) -> dict[str, Float[Tensor, ""]]:
    """Volume-rendered 3D features against 2D features.

    Each branch follows the other one held still, so that the two pulls can be weighed. Features that nothing else
    holds may become constant, which agrees perfectly.

    Args:
        rendered: features of the 3D branch.
        refined: what is read out of the 2D branch at the same pixels.
        opacity: of the rays; those that are half transparent show nothing certain and do not count.

    Returns:
        ``lifted`` (3D follows 2D) and ``refined`` (2D follows 3D).
    """
    weights = opacity * (opacity >= LEAST_OPACITY)
    return {
        "lifted": feature_distance(rendered, refined.detach(), weights),
        "refined": feature_distance(refined, rendered.detach(), weights),
    }


def two_view_losses(
    refined: Float[Tensor, "places channels"],
    read_out: Float[Tensor, "places channels"],
    original_there: Float[Tensor, "places channels"],
    refined_there: Float[Tensor, "places channels"],
    shared: Float[Tensor, " places"],
) -> dict[str, Float[Tensor, ""]]:
    """The 2D branch's features of places beside those of the same surfaces in another view.

    Args:
        refined: features of the 2D branch.
        read_out: what a linear layer makes of these.
        original_there: of the encoder, from the other view.
        refined_there: of the 2D branch, from the other view.
        shared: 1 where the other view sees the surface, else 0.

    Returns:
        ``steady`` (foretells the other view's encoder), ``alike`` (1 - cosine between both answers; alone, constant
        features would be perfect) and ``told`` (mean squared error of what is read out).
    """
    return {
        "steady": feature_distance(refined, original_there, shared),
        "alike": weighted_mean(cosine_distance(refined, refined_there), shared),
        "told": weighted_mean((read_out - original_there).square().mean(dim=-1), shared),
    }
