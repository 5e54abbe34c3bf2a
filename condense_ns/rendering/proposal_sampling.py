"""Samples along rays where a proposal expects the surface, and the density it proposes there.

The proposal is a distribution P over planes. A ray's samples are the quantiles of P, so that each
stands for the same share of it. The optical thickness that makes volume rendering end with
probability P at the samples is the hazard of P,

    tau_k = -log(1 - m_k / sum_{j >= k} m_j)

with m_k the mass of sample k; weights w_k = T_k (1 - exp(-tau_k)) are then the masses themselves.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

MOST_OPAQUE = 0.995
"""Of one sample's opacity."""


def quantile_indices(
    probabilities: Float[Tensor, "rays planes"], count: int
) -> Float[Tensor, "rays samples"]:
    """Fractional planes at the quantiles (k + 1/2) / count of each ray's distribution, without gradient.

    A plane's probability is spread evenly from half a plane before it to half a plane behind it.

    Args:
        probabilities: of the planes, normalised; a ray of zeros counts as uniform.
        count: samples per ray.
    """
    masses = probabilities.detach() + 1e-6
    ends = (masses / masses.sum(dim=1, keepdim=True)).cumsum(dim=1)
    levels = (torch.arange(count, device=ends.device) + 0.5) / count
    levels = levels.expand(len(ends), count).contiguous()
    plane = torch.searchsorted(ends, levels).clamp_max(ends.shape[1] - 1)
    end = ends.gather(1, plane)
    start = torch.where(plane > 0, ends.gather(1, (plane - 1).clamp_min(0)), torch.zeros_like(end))
    inside = (levels - start) / (end - start).clamp_min(1e-9)
    return plane + inside.clamp(0, 1) - 0.5


def masses_at(
    probabilities: Float[Tensor, "rays planes"], indices: Float[Tensor, "rays samples"]
) -> Float[Tensor, "rays samples"]:
    """Equal shares of the distribution, whose gradient is that of the planes' probabilities.

    Samples stay where they are; what makes one of them better than the others makes its plane likelier.
    """
    plane = (indices + 0.5).long().clamp(0, probabilities.shape[1] - 1)
    likely = probabilities.gather(1, plane).clamp_min(1e-6)
    return likely / likely.detach() / indices.shape[1]


def posterior_masses(
    masses: Float[Tensor, "rays samples"], log_likelihood: Float[Tensor, "rays samples"]
) -> Float[Tensor, "rays samples"]:
    """Masses by what is found at the samples, too; they sum to one on every ray."""
    return (masses.clamp_min(1e-9).log() + log_likelihood).softmax(dim=1)


def proposed_thickness(masses: Float[Tensor, "rays samples"]) -> Float[Tensor, "rays samples"]:
    """Optical thickness of samples whose weights shall be the masses, nearest first."""
    remaining = masses.flip(1).cumsum(dim=1).flip(1).clamp_min(1e-6)
    return -torch.log1p(-(masses / remaining).clamp_max(MOST_OPAQUE))


def weights_from_thickness(
    thickness: Float[Tensor, "rays samples"], valid: Bool[Tensor, "rays samples"]
) -> Float[Tensor, "rays samples"]:
    """Volume rendering: the share of each sample in its ray; samples that are not valid are air."""
    tau = torch.where(valid, thickness, torch.zeros_like(thickness))
    passed = (-(tau.cumsum(dim=1) - tau)).exp()
    return passed * -torch.expm1(-tau)
