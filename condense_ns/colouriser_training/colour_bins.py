"""Colours as classes: the plane of CIELAB's a and b in cells (Zhang, Isola and Efros 2016, section 2).

A grey pixel may be of several colours, whose mean is grey again; a network that names shares of cells
instead can stay undecided until the end and then be asked for what lies near the likeliest.
"""

import torch
from jaxtyping import Float
from kornia.color import rgb_to_lab
from torch import Tensor
from torch.nn import functional as F

SPACING = 20.0
"""Between neighbouring cells, in units of a and b."""
SOFTNESS = 10.0
"""Standard deviation of the share that cells have in a colour between them (likewise)."""
TEMPERATURE = 0.38
"""What logits are divided by before the mean is taken: 0 asks for the likeliest cell (equation 5)."""
UNIFORM = 0.5
"""Share of the uniform distribution in how often colours are taken to be (equation 4)."""
_GAMUT_STEPS = 33


def gamut_centres() -> Float[Tensor, "bins 2"]:
    """Centres, in a and b, of the cells that some colour of RGB lies in, row by row."""
    steps = torch.linspace(0, 1, _GAMUT_STEPS)
    colours = torch.cartesian_prod(steps, steps, steps)
    lab = rgb_to_lab(colours.T[None, :, None])[0, 1:, 0].T
    return SPACING * torch.unique((lab / SPACING).round(), dim=0)


def shares_of_bins(
    ab: Float[Tensor, "*batch 2"], centres: Float[Tensor, "bins 2"]
) -> Float[Tensor, "*batch bins"]:
    """How much each cell has of a colour: most the nearest; they sum to one."""
    distances = torch.cdist(ab.reshape(-1, 2), centres).square()
    return F.softmax(-distances / (2 * SOFTNESS**2), dim=-1).reshape(*ab.shape[:-1], len(centres))


def annealed_mean(
    logits: Float[Tensor, "batch bins rows columns"], centres: Float[Tensor, "bins 2"]
) -> Float[Tensor, "batch 2 rows columns"]:
    """Colours, in a and b, between the mean of what is said and the likeliest cell (equation 5)."""
    shares = F.softmax(logits / TEMPERATURE, dim=1)
    return F.conv2d(shares, centres.T[:, :, None, None])


def rarity_weights(frequencies: Float[Tensor, " bins"]) -> Float[Tensor, " bins"]:
    """What a pixel counts by its cell, so that few vivid ones are heard among many grey ones (equation 4).

    Args:
        frequencies: of the cells in the photographs; they sum to one.

    Returns:
        Weights whose mean over the photographs' pixels is one.
    """
    mixed = (1 - UNIFORM) * frequencies + UNIFORM / len(frequencies)
    weights = 1 / mixed
    return weights / (weights * frequencies).sum()
