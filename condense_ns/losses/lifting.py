"""What lift3d is trained by, besides the difference of colours (`methods.md` 3.4).

Letters: R rays, D planes of the depth proposal, C channels.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

FARTHEST_APART = 4.0
"""Planes beyond which a wrong depth is not more wrong."""
LEAST_ERROR = 1e-5
"""Square of a difference between colours that is as good as none."""


def colour_distance(
    rendered: Float[Tensor, "rays 3"], true: Float[Tensor, "rays 3"]
) -> Float[Tensor, ""]:
    """Mean of absolute and, tenfold, of square differences: like both for differences of a tenth.

    Zero, with a gradient, without any rays.
    """
    apart, count = rendered - true, max(1, rendered.numel())
    return apart.abs().sum() / count + 10 * (apart.square().sum() / count)


def picture_error(
    rendered: Float[Tensor, "*pixels 3"], true: Float[Tensor, "*pixels 3"]
) -> Float[Tensor, ""]:
    """Logarithm to the base of ten of the mean square difference, in units of the least that counts.

    Equal, but for a constant, to a tenth of the PSNR with a minus: easy and hard pictures count alike. Zero,
    with a gradient, without any pixels.
    """
    apart = (rendered - true).square()
    return (apart.sum() / max(1, apart.numel()) / LEAST_ERROR + 1).log10()


def plane_cross_entropy(
    log_probabilities: Float[Tensor, "planes cells"], indices: Float[Tensor, " cells"]
) -> Float[Tensor, ""]:
    """Cross-entropy of the two planes around the true surface, by how near they are.

    Args:
        log_probabilities: of the planes.
        indices: fractional number of the plane of the true depth; cells beyond the planes, or with an
            unknown depth (NaN), do not count.
    """
    last = len(log_probabilities) - 1
    known = (indices >= 0) & (indices <= last)
    where = torch.where(known, indices, torch.zeros_like(indices))
    before = where.floor().long().clamp_max(last - 1)
    share = where - before
    both = log_probabilities.gather(0, torch.stack([before, before + 1]))
    entropies = -(both[0] * (1 - share) + both[1] * share)
    return _mean(entropies, known)


def plane_distance(
    found: Float[Tensor, " rays"], true: Float[Tensor, " rays"]
) -> Float[Tensor, ""]:
    """Mean distance in planes between rendered and true depth; unknown ones (NaN) do not count."""
    known = true.isfinite()
    apart = (found - torch.where(known, true, found.detach())).abs().clamp_max(FARTHEST_APART)
    return _mean(apart, known)


def feature_distances(
    rendered: Float[Tensor, "rays channels"],
    wanted: Float[Tensor, "rays channels"],
    seen: Bool[Tensor, " rays"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Mean of 1 - cosine after centring, and mean square in units of the features' variance.

    Args:
        rendered: features.
        wanted: features of the encoder on the target's photograph.
        seen: rays that count.
    """
    mean = wanted.mean(dim=0)
    scale = (wanted - mean).square().mean().clamp_min(1e-12)
    cosine = F.cosine_similarity(rendered - mean, wanted - mean, dim=1, eps=1e-8)
    square = (rendered - wanted).square().mean(dim=1) / scale
    return _mean(1 - cosine, seen), _mean(square, seen)


def _mean(values: Float[Tensor, " items"], counted: Bool[Tensor, " items"]) -> Float[Tensor, ""]:
    """Over those that count; zero, with a gradient, if none does."""
    return torch.where(counted, values, torch.zeros_like(values)).sum() / counted.sum().clamp_min(1)
