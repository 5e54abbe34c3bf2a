"""Photographs of any kind of file as colours in [0, 1], and what they tell of their lens."""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Shaped
from PIL import ExifTags, Image, ImageOps
from torch import Tensor

from condense_ns.errors import UserError

LEAST_SIDE = 16
"""Pixels that a photograph has at least along each side."""

_FILM_DIAGONAL = math.hypot(36.0, 24.0)  # millimetres
_DEEP_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")  # a 16-bit PNG is one of them or, formerly, I
_WITH_ALPHA = ("RGBA", "LA", "PA")


@dataclass(frozen=True)
class Photograph:
    """A photograph, upright."""

    rgb: Float[Tensor, "3 height width"]
    """In [0, 1]."""
    focal_hint: float | None
    """Focal length in pixels that its camera noted, good to a few percent; None if it did not."""

    @property
    def width(self) -> int:
        """In pixels."""
        return self.rgb.shape[2]

    @property
    def height(self) -> int:
        """In pixels."""
        return self.rgb.shape[1]


def read_photograph(path: Path) -> Photograph:
    """A photograph that is large enough to find something in.

    Raises:
        UserError: the file is missing or no image, holds too many pixels, or a side has fewer than 16.
    """
    rgb, noted = _read(path)
    height, width = rgb.shape[1:]
    for name, side in (("wide", width), ("high", height)):
        if side < LEAST_SIDE:
            raise UserError(
                f"{path} is {side} pixels {name}; give a picture of at least {LEAST_SIDE}"
            )
    hint = noted / _FILM_DIAGONAL * math.hypot(width, height) if noted else None
    return Photograph(rgb, hint)


def read_picture(path: Path) -> Float[Tensor, "3 height width"]:
    """RGB of an image file of any size in [0, 1], turned upright as its camera noted.

    Grey is repeated, 16 bits keep their depth, what is transparent lies on black.

    Raises:
        UserError: the file is missing or no image, or holds too many pixels.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[Float[Tensor, "3 height width"], float | None]:
    """Colours, and the focal length in millimetres of 35 mm film."""
    try:
        with warnings.catch_warnings():
            # Some phones take more pixels than Pillow warns of; twice as many it refuses.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                colours = _on_black(picture_colours(ImageOps.exif_transpose(opened)))
                return torch.from_numpy(colours).permute(2, 0, 1).contiguous(), _noted_focal(opened)
    except FileNotFoundError as error:
        raise UserError(f"there is no image {path}") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} holds too many pixels to be read; make it smaller") from error
    except (OSError, ValueError, SyntaxError) as error:  # SyntaxError: Pillow's word for broken PNG
        raise UserError(f"{path} cannot be read as an image; give a PNG or JPEG file") from error


def picture_colours(picture: Image.Image) -> Float[np.ndarray, "height width channels"]:
    """RGB in [0, 1] of a picture of any mode, and how opaque it is where its file may say so.

    Raises:
        ValueError: floating point numbers, or larger ones than 16 bits hold.
    """
    if picture.mode in _DEEP_GREY:
        return np.repeat(_shares(np.asarray(picture), 65535)[..., None], 3, axis=2)
    if picture.mode == "F":
        raise ValueError("nobody knows which number is white")
    if picture.mode in _WITH_ALPHA or "transparency" in picture.info:
        return _shares(np.asarray(picture.convert("RGBA")), 255)
    return _shares(np.asarray(picture.convert("RGB")), 255)


def _on_black(
    colours: Float[np.ndarray, "height width channels"],
) -> Float[np.ndarray, "height width 3"]:
    return colours[..., :3] * colours[..., 3:] if colours.shape[2] == 4 else colours


def _shares(values: Shaped[np.ndarray, "*shape"], white: int) -> Float[np.ndarray, "*shape"]:
    if values.size and int(values.max()) > white:
        raise ValueError(f"values above {white}")
    return values.astype(np.float32) / np.float32(white)


def _noted_focal(opened: Image.Image) -> float | None:
    """Millimetres of the lens that shows the same on 35 mm film; None where nothing of use is noted."""
    try:
        noted = opened.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
        millimetres = float(noted or 0.0)
    except (TypeError, ValueError, ZeroDivisionError):  # what cameras write is often broken
        return None
    return millimetres if math.isfinite(millimetres) and millimetres > 0.0 else None
