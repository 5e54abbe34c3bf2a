"""Making probabilities mean what they say.

Letters: m margin of a score (`retrieval.relevancy.margin` of the rule `softmax`), y its truth as 1 or
-1, t inverse temperature. The relevancy ``sigmoid(t m)`` is calibrated if of all points with relevancy
0.8 eight in ten are what was looked for. Platt scaling with one number: C. Guo, G. Pleiss, Y. Sun and
K. Q. Weinberger, On calibration of modern neural networks, ICML 2017, section 4.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.retrieval.relevancy import LARGEST_INVERSE_TEMPERATURE

STEPS = 100
PRECISION = 1e-9  # of the inverse temperature, relative


def fit_inverse_temperature(
    margins: Float[Tensor, " examples"], truth: Bool[Tensor, " examples"]
) -> float:
    """The inverse temperature under which the truth is most likely.

    Minimises the convex sum of log(1 + exp(-t y m)) over t by Newton's method, kept inside a
    bracket by bisection.

    Args:
        margins: of examples.
        truth: whether each is what was looked for.

    Returns:
        t in (0, 1000]; 1000 if the margins' signs tell the truth without a mistake, which makes every
        larger t more likely still.

    Raises:
        UserError: no examples, margins that are not finite, or margins that do not rise with the
            truth, so that no positive t is best.
    """
    if len(margins) == 0:
        raise UserError("there are no examples to fit an inverse temperature to")
    if not torch.isfinite(margins).all():
        raise UserError("margins that are not finite cannot be fitted")
    signed = torch.where(truth, margins, -margins).double()
    if signed.sum() <= 0.0:  # the slope at t = 0, up to its sign and a half
        raise UserError(
            "the margins do not rise with the truth, so no inverse temperature fits; look for another "
            "choice of words or another encoder"
        )
    low, high = 0.0, LARGEST_INVERSE_TEMPERATURE
    if _slope_and_curvature(signed, high)[0] <= 0.0:
        return high
    inverse_temperature = min(1.0 / signed.abs().mean().item(), 0.5 * high)
    for _ in range(STEPS):
        slope, curvature = _slope_and_curvature(signed, inverse_temperature)
        low, high = (low, inverse_temperature) if slope > 0.0 else (inverse_temperature, high)
        step = slope / curvature if curvature > 0.0 else torch.inf
        before, inverse_temperature = inverse_temperature, inverse_temperature - step
        if not low < inverse_temperature < high:
            inverse_temperature = 0.5 * (low + high)
        if abs(inverse_temperature - before) <= PRECISION * before:
            break
    return inverse_temperature


def expected_calibration_error(
    probabilities: Float[Tensor, " examples"], truth: Bool[Tensor, " examples"], bins: int = 15
) -> float:
    """Mean distance in [0, 1] between what was promised and how often it came true.

    Guo et al., equation 3: examples are grouped by probability into bins of equal width, those on a
    border into the upper one.

    Args:
        probabilities: in [0, 1].
        truth: whether what they promise came true.
        bins: how many.

    Raises:
        UserError: no examples, no bins, or probabilities outside [0, 1].
    """
    if len(probabilities) == 0:
        raise UserError("there are no examples to judge the calibration by")
    if bins < 1:
        raise UserError(f"bins is {bins}, it must be at least 1")
    if not ((probabilities >= 0.0) & (probabilities <= 1.0)).all():
        raise UserError("probabilities must lie in [0, 1]")
    exact = probabilities.double()
    number = (exact * bins).long().clamp_max(bins - 1)
    excess = torch.zeros(bins, dtype=torch.float64, device=exact.device)
    excess.index_add_(0, number, exact - truth.double())
    return (excess.abs().sum() / len(exact)).item()


def _slope_and_curvature(
    signed: Float[Tensor, " examples"], inverse_temperature: float
) -> tuple[float, float]:
    """First and second derivative of the sum of log(1 + exp(-t s))."""
    wrong = torch.sigmoid(-inverse_temperature * signed)
    slope = -(signed * wrong).sum().item()
    curvature = (signed.square() * wrong * (1.0 - wrong)).sum().item()
    return slope, curvature
