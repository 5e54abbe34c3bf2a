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
from condense_ns.lifting.lifting_network import LiftingNetwork, Look

RAYS = 2048
LEAST_SHARED = 50
"""Rays that two sources must share to be compared."""
DARKEST, BRIGHTEST = 0.03, 0.97
"""Colours beyond them say nothing about exposure."""
MOST_HIDDEN, LEAST_SEEN = 0.1, 0.9
"""Of rays that are compared."""
RIDGE = 1e-3


@torch.no_grad()
def exposed_alike(network: LiftingNetwork, look: Look, rays: int = RAYS) -> Look:
    """The look with gains for its leading sources.

    Args:
        network: that made the look.
        look: at a target.
        rays: of the target that are looked along.
    """
    shown = look.leading
    places = spread_places(look, rays)
    plain = replace(shown, gains=torch.ones_like(shown.gains))
    given = network.sample(plain, places).by_source
    seen = (given.seen > LEAST_SEEN) & (given.hidden < MOST_HIDDEN)
    gains = torch.ones_like(look.gains)
    gains[: len(shown.gains)] = equalising_gains(given.colours, seen, given.weights.sum(dim=1))
    return replace(look, gains=gains)


def spread_places(look: Look, rays: int) -> Float[Tensor, "rays 2"]:
    """About so many places of the target, as far apart in rows as in columns."""
    width = max(1, round((rays * look.target.width / look.target.height) ** 0.5))
    return grid_places(max(1, rays // width), width, look.gains.device)


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
