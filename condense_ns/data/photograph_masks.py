"""Masks that come with photographs (the host's `mask_path`): pixels that are 0 are not to be used.

A pixel of an undistorted, reduced photograph counts if all pixels that it is made of do, so that nothing of
what is masked is in it.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float32
from PIL import Image
from torch import Tensor

from condense_ns.data.ideal_pixels import ideal_pixels
from condense_ns.data.scene_checks import UNREADABLE
from condense_ns.data.undistortion import Lens
from condense_ns.errors import UserError

ALL = 0.999
"""Share of a working pixel that must count; less is lost by rounding."""


def read_mask(file: Path, lens: Lens) -> Float32[np.ndarray, "height width"]:
    """A mask as it is stored: 1 where the photograph's pixels count, else 0.

    Args:
        file: an image of one channel.
        lens: of the photograph, whose size the mask has.

    Raises:
        UserError: it is damaged, of several channels or of another size.
    """
    try:
        with Image.open(file) as picture:
            values = np.array(picture)
    except UNREADABLE as error:
        raise UserError(
            f"mask {file} cannot be read ({error}); restore it, or drop the masks of all photographs"
        ) from error
    if values.ndim != 2:
        raise UserError(
            f"mask {file} has {values.shape[2]} channels, expected one; save it in grey, 0 where the "
            "photograph is not to be used"
        )
    if values.shape != (lens.height, lens.width):
        raise UserError(
            f"mask {file} is {values.shape[1]} x {values.shape[0]} pixels but its photograph is "
            f"{lens.width} x {lens.height}; give a mask of the photograph's size"
        )
    return (values != 0).astype(np.float32)


def valid_pixels(
    mask: Float32[np.ndarray, "rows columns"], lens: Lens, height: int, width: int
) -> Bool[Tensor, "height width"]:
    """The pixels of the ideal camera's photograph, so large, that count.

    Args:
        mask: of the real photograph, 1 or 0.
        lens: of the real photograph.
        height: in pixels of the answer.
        width: in pixels of the answer.
    """
    return torch.from_numpy(ideal_pixels(mask, lens, height, width) >= ALL)
