"""Photographs of a scene in 8 bits per colour, whatever their files hold.

The host takes the numbers in a file for colours. They are that in grey, RGB and RGBA of 8 bits; a palette,
16 bits, ink (CMYK) or black and white must be converted first.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from nerfstudio.data.datasets.base_dataset import InputDataset
from PIL import Image
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.retrieval.photograph import picture_colours

_COLOURS_AS_STORED = ("L", "RGB", "RGBA")


def is_converted(picture: Image.Image) -> bool:
    """Its numbers are no colours of 8 bits; Pillow knows it from the head of the file."""
    return picture.mode not in _COLOURS_AS_STORED


def converted(picture: Image.Image, file: Path) -> Image.Image:
    """The picture in 8 bits per colour: as it is where its numbers are colours.

    Args:
        picture: of any mode.
        file: whose it is, for the message.

    Raises:
        UserError: nobody knows which colours its numbers are.
    """
    if not is_converted(picture):
        return picture
    try:
        return Image.fromarray((picture_colours(picture) * 255).round().astype(np.uint8))
    except ValueError as error:
        raise UserError(
            f"image {file} cannot be read as colours ({error}); convert it to RGB of 8 bits"
        ) from error


def read_pixels(file: Path, scale: float = 1.0) -> UInt8[np.ndarray, "height width channels"]:
    """RGB or RGBA of a photograph; grey is repeated.

    Args:
        file: of the photograph.
        scale: by which it is enlarged.

    Raises:
        UserError: nobody knows which colours its numbers are.
    """
    with Image.open(file) as opened:
        picture = converted(opened, file)
        if scale != 1.0:
            size = (int(picture.width * scale), int(picture.height * scale))
            picture = picture.resize(size, resample=Image.Resampling.BILINEAR)
        pixels = np.array(picture, dtype=np.uint8)
    return pixels[:, :, None].repeat(3, axis=2) if pixels.ndim == 2 else pixels


def read_rgb(
    file: Path, scale: float, background: Float[Tensor, "3"] | None
) -> Float[Tensor, "3 height width"]:
    """RGB of a photograph in [0, 1].

    Args:
        file: of the photograph.
        scale: by which it is enlarged.
        background: on which what is transparent lies; None takes colours as if they were opaque.

    Raises:
        UserError: nobody knows which colours its numbers are.
    """
    pixels = torch.from_numpy(read_pixels(file, scale).astype(np.float32) / 255.0)
    rgb, opacity = pixels[..., :3], pixels[..., 3:]
    if background is not None and pixels.shape[2] == 4:
        rgb = rgb * opacity + background * (1.0 - opacity)
    return rgb.permute(2, 0, 1).contiguous()


class Photographs(InputDataset):
    """The host's dataset, which trains on photographs of any mode."""

    def get_numpy_image(self, image_idx: int) -> UInt8[np.ndarray, "height width channels"]:
        """RGB or RGBA of one photograph.

        Raises:
            UserError: nobody knows which colours its numbers are.
        """
        return read_pixels(Path(self.image_filenames[image_idx]), self.scale_factor)
