"""Stretches of rays in a SparseVolume -> depth, opacity and anything that voxels have (`methods.md` 1.3).

    w_i = T_i (1 - exp(-sigma_i delta_i))        F(r) = sum_i w_i v_i / sum_i w_i

A spike at the surface in place of w is MVNet's projection of visible points (`methods.md` 2.3), so that
one renderer serves both methods.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.rendering.proposal_sampling import weights_from_thickness
from condense_ns.rendering.ray_march import VolumeSamples

SURFACE = 0.5
"""Share of the light that is stopped up to where the surface is."""


def volume_weights(
    samples: VolumeSamples, density: Float[Tensor, " voxels"]
) -> Float[Tensor, "rays samples"]:
    """Share of its ray that each stretch stops.

    Args:
        samples: stretches.
        density: of all voxels, per scene unit, at least 0.
    """
    valid = samples.valid
    if len(density) == 0:
        return torch.zeros_like(samples.deltas)
    thickness = density[samples.voxels.clamp_min(0)] * samples.deltas
    return weights_from_thickness(thickness, valid)


def surface_weights(weights: Float[Tensor, "rays samples"]) -> Float[Tensor, "rays samples"]:
    """One at the stretch by whose end half of the light is stopped, nothing where it never is."""
    stopped = weights.cumsum(dim=1) >= SURFACE
    earlier = F.pad(stopped, (1, 0))[:, :-1]
    return (stopped & ~earlier).to(weights.dtype)


def opacity(weights: Float[Tensor, "rays samples"]) -> Float[Tensor, " rays"]:
    """Share of the light that is stopped at all."""
    return weights.sum(dim=1)


def mean_depth(
    samples: VolumeSamples, weights: Float[Tensor, "rays samples"], eps: float = 1e-6
) -> Float[Tensor, " rays"]:
    """Where the light that is stopped is stopped, in units of the direction; 0 where none is."""
    return (weights * samples.t_middles).sum(dim=1) / weights.sum(dim=1).clamp_min(eps)


def composite_voxels(
    samples: VolumeSamples,
    weights: Float[Tensor, "rays samples"],
    values: Float[Tensor, "voxels channels"],
    eps: float = 1e-6,
) -> Float[Tensor, "rays channels"]:
    """The weighted mean of what voxels have; zero where all weights are zero.

    It is `accumulation.composite` without a copy of a value per sample.

    Args:
        samples: stretches.
        weights: of the stretches.
        values: of all voxels, finite.
        eps: least sum of weights that is divided by.
    """
    if len(values) == 0:
        return values.new_zeros(len(weights), values.shape[1])
    shares = weights / weights.sum(dim=1, keepdim=True).clamp_min(eps)
    return F.embedding_bag(
        samples.voxels.clamp_min(0), values, per_sample_weights=shares.to(values.dtype), mode="sum"
    )
