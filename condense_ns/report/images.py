"""Pixels as `data:` URIs, so that a page needs no file beside it.

Photographs become WebP (lossy, small), label maps PNG (exact). An outline becomes the data of an
SVG path in pixel units, which stays sharp at every magnification.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from condense_ns.errors import UserError

PHOTOGRAPH_QUALITY = 88
FILM_QUALITY = 80
LARGEST_SIDE = 1280  # more pixels than that make the file large and are never seen on a page


class ReportError(UserError):
    """A report that cannot be made of what was given; the message says what is expected."""


def check_pixels(pixels: Any, name: str) -> None:
    """Refuse what is no picture of bytes.

    Args:
        pixels: what was given as a picture.
        name: what the message calls it.

    Raises:
        ReportError: no array of bytes of shape (height, width, 3), or one without pixels.
    """
    if not isinstance(pixels, np.ndarray):
        raise ReportError(f"{name} must be a numpy array, not a {type(pixels).__name__}")
    if pixels.dtype != np.uint8:
        raise ReportError(
            f"{name} must hold bytes (uint8, 0 to 255), not {pixels.dtype}; "
            "multiply values in [0, 1] by 255, round and convert them"
        )
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise ReportError(f"{name} must have the shape (height, width, 3), not {pixels.shape}")


def check_mask(mask: Any, pixels: UInt8[np.ndarray, "height width 3"], name: str) -> None:
    """Refuse what is no mask for a picture.

    Raises:
        ReportError: no array of booleans, or another height or width than the picture.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        given = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ReportError(f"{name} must be a numpy array of booleans, not {given}")
    if mask.shape != pixels.shape[:2]:
        raise ReportError(
            f"{name} has the shape {mask.shape}, its picture {pixels.shape[:2]}; "
            "both must be (height, width)"
        )


def photograph_uri(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    """A photograph as WebP, made smaller if a side is longer than `LARGEST_SIDE`."""
    content = io.BytesIO()
    _reduced(pixels).save(content, "WEBP", quality=PHOTOGRAPH_QUALITY, method=6, use_sharp_yuv=True)
    return _data_uri("image/webp", content)


def labels_uri(pixels: UInt8[np.ndarray, "height width 3"]) -> str:
    """A label map as PNG: every pixel keeps its colour."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", optimize=True)
    return _data_uri("image/png", content)


def film_uri(
    frames: Sequence[UInt8[np.ndarray, "height width 3"]], frames_per_second: float
) -> str:
    """Frames as an animated WebP that starts over at its end, made smaller like photographs."""
    first, *others = map(_reduced, frames)
    content = io.BytesIO()
    first.save(
        content,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=max(1, round(1000 / frames_per_second)),
        loop=0,
        quality=FILM_QUALITY,
        method=4,
    )
    return _data_uri("image/webp", content)


def spotlight(
    pixels: UInt8[np.ndarray, "height width 3"], found: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width 3"]:
    """The picture with its colours where something was found, dark grey elsewhere."""
    grey = pixels.mean(axis=2, keepdims=True) * 0.32 + 14.0
    return np.where(found[..., None], pixels, grey.round()).astype(np.uint8)


def outline_path(mask: Bool[np.ndarray, "height width"]) -> str:
    """The border of a mask as the `d` of an SVG path, along the edges of the pixels."""
    padded = np.pad(mask, 1)
    across = _runs(padded[1:, 1:-1] != padded[:-1, 1:-1])
    down = _runs((padded[1:-1, 1:] != padded[1:-1, :-1]).T)
    return "".join(
        [
            *(f"M{start} {line}h{length}" for line, start, length in across),
            *(f"M{line} {start}v{length}" for line, start, length in down),
        ]
    )


def _runs(edges: Bool[np.ndarray, "lines positions"]) -> list[tuple[int, int, int]]:
    """Line, start and length of every stretch of true values along the lines."""
    steps = np.diff(np.pad(edges, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    lines, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return list(zip(lines.tolist(), starts.tolist(), (ends - starts).tolist(), strict=True))


def _reduced(pixels: UInt8[np.ndarray, "height width 3"]) -> Image.Image:
    image = Image.fromarray(pixels)
    image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Image.Resampling.LANCZOS)
    return image


def _data_uri(media_type: str, content: io.BytesIO) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content.getvalue()).decode()}"
