"""What an operator says of a rendered picture, wherever the borders of its cells happen to lie, sharp or not.

Networks answer otherwise when a picture moves by a part of a cell (R. Zhang, "Making convolutional networks
shift-invariant again", ICML 2019): what one place of the scene is told then depends on where the camera puts it. And
they answer otherwise to soft pictures, some more, some less, and not always worse: so half of what is told is of the
picture as sharp as photographs are, half of it as it was rendered.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.operators.base import Operator
from condense_ns.operators.checking import checked_encode

SHIFTED = 0.5
"""Share of the map that the shifted pictures' mean has; the rest is of the sharp picture."""
STEP = 0.25
"""Of a cell."""


def shifted_encode(
    operator: Operator,
    sharp: Float[Tensor, "3 height width"],
    rendered: Float[Tensor, "3 height width"],
) -> Float[Tensor, "rows columns channels"]:
    """The map of a sharp picture, mixed with those of the rendered one moved by a quarter of a cell to each of four sides.

    What a feature is told for stays at its place, blurred by less than a cell. Where a quarter of a cell is less than
    half a pixel, the map is that of the sharp picture alone.

    Args:
        operator: anybody's.
        sharp: RGB in [0, 1].
        rendered: the same, softer.

    Raises:
        OperatorError: as `checked_encode`.
    """
    height, width = rendered.shape[-2:]
    rows, columns = operator.grid_size(height, width)
    down, right = round(STEP * height / rows), round(STEP * width / columns)
    if down == right == 0:
        return checked_encode(operator, sharp[None])[0]
    maps = checked_encode(operator, torch.cat([sharp[None], _moved(rendered, down, right)]))
    return torch.lerp(maps[0], maps[1:].mean(dim=0), SHIFTED)


def _moved(
    picture: Float[Tensor, "3 height width"], down: int, right: int
) -> Float[Tensor, "4 3 height width"]:
    """A picture moved by so many pixels to each side; its border continues."""
    height, width = picture.shape[-2:]
    wide = F.pad(picture, (right, right, down, down), mode="replicate")
    corners = [(0, right), (2 * down, right), (down, 0), (down, 2 * right)]
    return torch.stack([wide[:, y : y + height, x : x + width] for y, x in corners])
