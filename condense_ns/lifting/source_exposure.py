"""Sources as if all had been exposed alike.

Photographs of one scene are exposed and balanced one by one. Where sources i and j see the same surface,
the median r_ij of log(colour of i / colour of j) tells how they differ; logarithms x_i of exposures solve

    min_x  sum_ij w_ij (x_i - x_j - r_ij)^2 + small sum_i x_i^2,    w_ij = sqrt(rays that both see)

channel by channel. Only differences are known. The target's own exposure is taken to be what the picture
shows anyway: sum_i s_i x_i = 0, with s_i the share of the picture that source i gives.
"""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.pinhole import grid_places
from condense_ns.lifting.lifting_network import LiftingNetwork, Look, RaySamples

RAYS = 4096
"""Of the target that are looked along."""
LEAST_SHARED = 50
"""Rays that two sources must share to be compared."""
DARKEST, BRIGHTEST = 0.03, 0.97
"""Colours beyond them say nothing about exposure."""
MOST_HIDDEN = 0.1
RIDGE = 1e-3


@torch.no_grad()
def exposed_alike(network: LiftingNetwork, look: Look) -> Look:
    """The look with gains for its sources.

    Args:
        network: that made the look.
        look: at a target.
    """
    width = max(1, round((RAYS * look.target.width / look.target.height) ** 0.5))
    places = grid_places(max(1, RAYS // width), width, look.gains.device)
    samples = network.sample(replace(look, gains=torch.ones_like(look.gains)), places)
    colours, seen = _colours_of_sources(samples)
    by_sample = samples.said.colour_weights.reshape(len(seen), *samples.shares.shape)
    shares = (by_sample * samples.shares).sum(dim=(1, 2))
    return replace(look, gains=equalising_gains(colours, seen, shares))


def equalising_gains(
    colours: Float[Tensor, "sources rays 3"],
    seen: Bool[Tensor, "sources rays"],
    shares: Float[Tensor, " sources"],
) -> Float[Tensor, "sources 3"]:
    """What colours of the sources are to be multiplied with to be exposed alike.

    Args:
        colours: RGB in [0, 1] of the same surfaces.
        seen: by which sources.
        shares: of the picture that the sources give; not negative.

    Returns:
        Ones for sources that share too little with the others.
    """
    usable = seen & (colours.amin(dim=2) > DARKEST) & (colours.amax(dim=2) < BRIGHTEST)
    logarithms = colours.clamp_min(DARKEST).log()
    count = len(colours)
    weights = colours.new_zeros(count, count)
    ratios = colours.new_zeros(count, count, 3)
    for i in range(count):
        for j in range(i):
            both = usable[i] & usable[j]
            shared = int(both.sum())
            if shared >= LEAST_SHARED:
                weights[i, j] = weights[j, i] = shared**0.5
                ratios[i, j] = (logarithms[i, both] - logarithms[j, both]).median(dim=0).values
                ratios[j, i] = -ratios[i, j]
    held = RIDGE * weights.sum() / count + 1e-6
    system = torch.diag(weights.sum(dim=1) + held) - weights
    exposures = torch.linalg.solve(system, (weights[..., None] * ratios).sum(dim=1))
    common = (shares[:, None] * exposures).sum(dim=0) / shares.sum().clamp_min(1e-9)
    alone = (weights.sum(dim=1) == 0)[:, None]
    return torch.where(alone, 1.0, (common - exposures).exp())


def _colours_of_sources(
    samples: RaySamples,
) -> tuple[Float[Tensor, "sources rays 3"], Bool[Tensor, "sources rays"]]:
    """What each source shows of the surfaces that the rays meet, and whether it sees them."""
    shape = (len(samples.seen.inside), *samples.shares.shape)
    inside = samples.seen.inside.reshape(shape) * samples.shares
    looks = samples.seen.looks[..., :3].reshape(*shape, 3)
    within = inside.sum(dim=2)
    colours = (inside[..., None] * looks).sum(dim=2) / within.clamp_min(1e-6)[..., None]
    hidden = (samples.seen.hidden.reshape(shape) * samples.shares).sum(dim=2)
    return colours, (within > 0.9) & (hidden < MOST_HIDDEN)
