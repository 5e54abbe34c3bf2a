"""Strips that no source sees, continued from the pixels beside them.

A target looks a little past what its sources show, mostly along a border of the picture. Nothing is known
there: opacity and features stay zero. A picture, though, is looked at, and operators read it; a black strip
is an edge that no photograph has.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

REACH = 1 / 32
"""Of the longer side of a picture: how far it is continued. What lies farther from all that is seen stays black."""


def continued(
    picture: Float[Tensor, "height width 3"], lit: Bool[Tensor, "height width"]
) -> Float[Tensor, "height width 3"]:
    """The picture with its unlit pixels filled, ring by ring, with the mean of their lit neighbours.

    Args:
        picture: RGB in [0, 1].
        lit: pixels that some source sees; they stay as they are.
    """
    colours, known = picture.movedim(2, 0)[None], lit[None, None].to(picture)
    for _ in range(round(REACH * max(lit.shape))):
        if bool(known.all()):
            break
        near = _mean_around(known)
        mean = _mean_around(known * colours) / near.clamp_min(1e-9)
        colours = torch.where(known > 0, colours, mean)
        known = (near > 0).to(picture)
    return colours[0].movedim(0, 2)


def _mean_around(maps: Float[Tensor, "1 channels height width"]) -> Tensor:
    return F.avg_pool2d(maps, 3, stride=1, padding=1)
