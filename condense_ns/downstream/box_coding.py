"""Boxes <-> what a detector says at a voxel.

Voxels of the detector are `2^HALVINGS` times as large as the volume's; lengths here are edges of the
volume's own voxels. At a voxel with its middle at p, a box with centre c, size s and turn t is coded as

    (c - p) / UNIT,    log(s / UNIT),    cos 4t, sin 4t

with t in (-45, 45] degrees, to which every box can be brought by exchanging its two horizontal sizes:
which of its sides is the front is not told. Four times the angle goes around once in these 90 degrees.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

HALVINGS = 1
UNIT = 16.0
NUMBERS = 8
"""Of a coded box."""
LEAST_SIZE = 0.5
"""Edges of a voxel; thinner boxes are coded as so thick."""
_QUARTER = math.pi / 2
_MOST_LOG = 4.0


def canonical(boxes: Float[Tensor, "boxes 7"]) -> Float[Tensor, "boxes 7"]:
    """The same boxes with turns in [-45, 45] degrees."""
    quarters = torch.round(boxes[:, 6] / _QUARTER)
    turn = boxes[:, 6] - quarters * _QUARTER
    exchanged = (quarters.long() % 2 == 1)[:, None]
    across = torch.where(exchanged, boxes[:, [4, 3]], boxes[:, 3:5])
    return torch.cat([boxes[:, :3], across, boxes[:, 5:6], turn[:, None]], dim=1)


def coded(
    boxes: Float[Tensor, "places 7"], places: Float[Tensor, "places 3"]
) -> Float[Tensor, "places 8"]:
    """One box at each place."""
    boxes = canonical(boxes)
    offset = (boxes[:, :3] - places) / UNIT
    size = (boxes[:, 3:6].clamp_min(LEAST_SIZE) / UNIT).log()
    angle = 4 * boxes[:, 6:]
    return torch.cat([offset, size, angle.cos(), angle.sin()], dim=1)


def decoded(
    codes: Float[Tensor, "places 8"], places: Float[Tensor, "places 3"]
) -> Float[Tensor, "places 7"]:
    """The boxes that are meant at places."""
    centre = places + UNIT * codes[:, :3]
    size = UNIT * codes[:, 3:6].clamp(-_MOST_LOG, _MOST_LOG).exp()
    turn = torch.atan2(codes[:, 7], codes[:, 6]) / 4
    return torch.cat([centre, size, turn[:, None]], dim=1)
