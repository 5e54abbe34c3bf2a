"""Places from which the surfaces of a scanned room can have been seen."""

import torch
from jaxtyping import Float64
from torch import Tensor

HEAD_HEIGHT = 1.5
"""Metres above the floor."""
MOST = 8
"""Places along a room; a longer one is a corridor."""


def room_viewpoints(
    positions: Float64[Tensor, "points 3"],
) -> Float64[Tensor, "viewpoints 3"]:
    """Places at head height along the middle of the room's box, about as far apart as it is wide.

    Args:
        positions: at least one, z upwards, in metres. If some are not finite, neither are the places.
    """
    low, high = positions.amin(dim=0), positions.amax(dim=0)
    size = high - low
    along = int(size[1] > size[0])
    slender = size[along] / size[1 - along].clamp_min(1e-3)
    count = round(float(slender.nan_to_num(1.0).clamp(1, MOST)))
    shares = torch.full((count, 3), 0.5, dtype=torch.float64)
    shares[:, along] = (torch.arange(len(shares)) + 0.5) / len(shares)
    places = low + shares * size
    places[:, 2] = low[2] + HEAD_HEIGHT
    return places
