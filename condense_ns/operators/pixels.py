"""From the cells of a map to the pixels of its image.

A map covers the whole image (`condense_ns.encoders.base`); between centres of cells it is bilinear,
beyond the centres of the outermost ones constant.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.interpolation import on_grid

BAND_VALUES = 1 << 24
"""Numbers of a map at pixels that are held at a time: 64 MiB."""


def scored_at_pixels(
    feature_map: Float[Tensor, "rows columns channels"],
    height: int,
    width: int,
    score: Callable[[Float[Tensor, "..."]], Float[Tensor, "..."]],
) -> Float[Tensor, "height width scores"]:
    """Scores of the map at the centres of pixels, without ever holding all of its channels there.

    Args:
        feature_map: of any number of channels.
        height: of the image, in pixels.
        width: of the image, in pixels.
        score: from features [rows, columns, channels] to scores [rows, columns, scores].
    """
    columns, channels = feature_map.shape[1:]
    tall = on_grid(feature_map, height, columns)
    bands = tall.split(max(1, BAND_VALUES // (width * channels)))
    return torch.cat([score(on_grid(band, len(band), width)) for band in bands])
