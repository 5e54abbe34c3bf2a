"""Pictures as sharp as the photographs that they are rendered from.

Photographs never lie upon each other exactly, so that their mean is softer than each, and networks that were trained
on photographs answer otherwise to soft pictures. What is finer than about a pixel is strengthened until it is as strong
as it is in the photographs: with d = p - blur(p) of the picture p, and s = d - blur(d),

    p + a d,   <(d + a s)^2> = <d^2> of the photographs,   0 <= a <= MOST,

an unsharp mask whose amount the scene tells; means <> are over colours and over the pixels that count.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from condense_ns.lifting.lifting_network import Look

DEVIATION = 0.8
"""Of the blur, in pixels."""
SIDE = 5
"""Of its kernel."""
MOST = 1.0
LEAST_SQUARE = 1e-12


@torch.no_grad()
def sharpened(
    picture: Float[Tensor, "3 height width"], look: Look, lit: Bool[Tensor, "height width"]
) -> Float[Tensor, "3 height width"]:
    """The picture with the fine contrast of the leading sources; one that has as much or more stays as it is.

    Args:
        picture: RGB in [0, 1], rendered; three pixels or more high and wide.
        look: at its camera.
        lit: its pixels that some source sees.
    """
    fine = _fine(picture)
    return (picture + _amount(fine, _fine_square(look.leading), lit) * fine).clamp(0, 1)


def _amount(
    fine: Float[Tensor, "3 height width"], aim: Float[Tensor, ""], lit: Bool[Tensor, "height width"]
) -> Float[Tensor, ""]:
    """How much of what is fine must be added for its mean square to be the one that is aimed at."""
    finer = _fine(fine)
    square, cross, added = (
        _mean(one * other, lit) for one, other in ((fine, fine), (fine, finer), (finer, finer))
    )
    lacking = (aim - square).clamp_min(0) * added
    amount = ((cross.square() + lacking).sqrt() - cross) / added.clamp_min(LEAST_SQUARE)
    return amount.clamp(0, MOST)


def _fine_square(look: Look) -> Float[Tensor, ""]:
    """Mean square of what is fine in the sources, exposed alike."""
    sources, height, width = look.sources, look.sources.height, look.sources.width
    fine = _fine(look.maps.images[..., :height, :width]) * look.gains[..., None, None]
    if sources.valid is None:
        return fine.square().mean()
    return _mean(fine.square().movedim(1, 0), sources.valid)


def _mean(
    values: Float[Tensor, "colours *pixels"], counted: Bool[Tensor, "*pixels"]
) -> Float[Tensor, ""]:
    """Over the pixels that count; 0 where none does."""
    return (values * counted).sum() / (len(values) * counted.sum()).clamp_min(1)


def _fine(
    pictures: Float[Tensor, "*views 3 height width"],
) -> Float[Tensor, "*views 3 height width"]:
    return pictures - gaussian_blur(pictures, [SIDE, SIDE], [DEVIATION, DEVIATION])
