"""Where to cut scores into found and not found, chosen from their distribution.

What is looked for stands out if the scores have two modes with a clear valley between them; the cut
lies in the valley. Without one (a single hump, flat, all equal, too few scores) any cut would
split what belongs together, and nothing counts as standing out.

Inside the valley the cut minimises the error of two normal distributions of their own shares and
widths: J. Kittler and J. Illingworth, Minimum error thresholding, Pattern Recognition 19(1), 1986.
N. Otsu, A threshold selection method from gray-level histograms, IEEE Transactions on Systems, Man
and Cybernetics 9(1), 1979, is the better known criterion, but takes both widths to be equal and
likes equal shares: a thing on 1 % of the scene, 8 standard deviations off, gains it no more
than the background cut in half (0.0099 * 8**2 = 0.63 against 0.25 * 1.6**2 = 0.64 variances).
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.retrieval.relevancy import Query, margin, relevancy_of_margin

DEFAULT_THRESHOLD = 0.5
BINS = 64
WIDTH = 4  # bins that a density is counted over
SIGNIFICANCE = 4.0  # standard deviations of a count by which a valley is lower than its peaks
DEPTH = 1.0 / 3.0  # share of the lower peak that it is lower by
LARGEST_CUT = 1.0 - 1e-6  # so that relevancies that round to 1 still lie above


def automatic_threshold(scores: Float[Tensor, "*batch"]) -> float:
    """The score above which (and not at which) a few or many scores stand out from the rest.

    Multiplying all scores by a positive number or adding one to them does the same to the answer.

    Args:
        scores: any finite numbers; of fewer than about 50 nothing stands out.

    Returns:
        A place between two modes, or the largest score, above which there is nothing, if there are
        no two modes.

    Raises:
        UserError: no scores, or some that are not finite.
    """
    if scores.numel() == 0:
        raise UserError("there are no scores to choose a threshold from")
    if not torch.isfinite(scores).all():
        raise UserError("scores that are not finite have no threshold; train the scene longer")
    values = scores.detach().cpu().double().flatten()
    low, high = values.min().item(), values.max().item()
    rounding = 8.0 * torch.finfo(scores.dtype).eps * max(abs(low), abs(high))
    if high - low <= rounding:
        return high
    counts = torch.histc(values, BINS, low, high)
    valley = _valley(counts)
    if not valley.any():
        return high
    error = _classification_error(counts).masked_fill(~valley, torch.inf)
    return low + (high - low) * _last_lowest(error) / BINS


def with_threshold(query: Query, features: Float[Tensor, "sample channels"]) -> Query:
    """The query with a number for its threshold; one that has a number stays as it is.

    The margins are cut, not the relevancies: these crowd at 0 and 1 where the inverse temperature is
    high and would show two modes in mere noise. Where nothing stands out, an example (rule
    `cosine`) falls back on `DEFAULT_THRESHOLD`, half the cosine, which noise hardly reaches; for
    words, whose noise lies about 0.5, nothing of the sample is found.

    Args:
        query: what is looked for.
        features: a fixed sample of the scene, so that the cut is the same in every picture.

    Raises:
        UserError: the sample is empty, not finite or of another width.
    """
    if query.threshold is not None:
        return query
    if len(features) == 0:
        raise UserError("no surface of the scene was met to choose a threshold from; give a number")
    margins = margin(features, query.to(features.device))
    cut = automatic_threshold(margins)
    if cut < margins.max().item():
        chosen = relevancy_of_margin(margins.new_tensor(cut), query).item()
        return replace(query, threshold=min(chosen, LARGEST_CUT))
    if query.rule == "cosine":
        return replace(query, threshold=DEFAULT_THRESHOLD)
    highest = relevancy_of_margin(margins, query).max().item()
    return replace(query, threshold=max(DEFAULT_THRESHOLD, highest))


def _valley(counts: Float[Tensor, " bins"]) -> Bool[Tensor, " borders"]:
    """Which inner borders of bins lie clearly lower than a peak on their left and one on their right.

    The density at a border is the count of the `WIDTH` bins about it. Counts are Poisson
    distributed: a difference of two has the variance of their sum.
    """
    density = counts.unfold(0, WIDTH, 1).sum(
        dim=-1
    )  # at the borders WIDTH / 2 ... BINS - WIDTH / 2
    left = density.cummax(dim=0).values
    right = density.flip(0).cummax(dim=0).values.flip(0)
    lower_peak = torch.minimum(left, right)
    depth = lower_peak - density
    clear = (depth > SIGNIFICANCE * (lower_peak + density).sqrt()) & (depth > DEPTH * lower_peak)
    outside = clear.new_zeros(WIDTH // 2 - 1)
    return torch.cat([outside, clear, outside])


def _classification_error(counts: Float[Tensor, " bins"]) -> Float[Tensor, " borders"]:
    """Kittler and Illingworth's criterion (their equation 15) at each inner border of two bins.

    Half of it up to a constant: sum over both sides of share * log(width / share). The variance
    inside a bin, 1/12 of its squared width, keeps the logarithm finite.
    """
    centres = torch.arange(len(counts), dtype=counts.dtype) + 0.5
    moments = torch.stack([counts, counts * centres, counts * centres.square()])
    left = moments.cumsum(dim=1)[:, :-1]
    right = moments.sum(dim=1, keepdim=True) - left
    error = torch.zeros_like(left[0])
    for number, first, second in (left, right):
        share, mean = number / counts.sum(), first / number
        variance = (second / number - mean.square()).clamp_min(0.0) + 1.0 / 12.0
        error += share * (0.5 * variance.log() - share.log())
    return error.nan_to_num(torch.inf)  # a side without scores


def _last_lowest(error: Float[Tensor, " borders"]) -> float:
    """Number of the border of least error; of borders with empty bins between them the middle.

    Of several places of equal error it is the last one, where least is found.
    """
    lowest = (error <= error.min() + 1e-9).nonzero()[:, 0].tolist()
    first = last = lowest[-1]
    while first - 1 in lowest:
        first -= 1
    return (first + last) / 2 + 1
