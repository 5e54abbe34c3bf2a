"""A score in [0, 1] as a colour: the `turbo` map of matplotlib."""

import torch
from jaxtyping import Float
from matplotlib import colormaps
from torch import Tensor


def heat_colours(scores: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch 3"]:
    """Blue for 0 over green to red for 1; scores beyond are clamped, NaN counts as 0."""
    table = torch.tensor(colormaps["turbo"].colors, device=scores.device)  # type: ignore[attr-defined]
    levels = (scores.nan_to_num(0.0).clamp(0.0, 1.0) * (len(table) - 1)).round().long()
    return table[levels]
