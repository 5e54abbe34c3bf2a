"""Pixels of a photograph, or of its mask, as an ideal camera of some size has them: undistorted, then resized."""

import cv2
import numpy as np
from jaxtyping import Float32

from condense_ns.data.undistortion import Lens, undistorted

LARGEST_UNDISTORTED = 2048
"""Longest side in pixels in which photographs are undistorted, before they are reduced."""


def working_size(lenses: list[Lens], image_size: int) -> tuple[int, int]:
    """Height and width of the working images: those of the view with the median aspect ratio.

    Its longest side becomes `image_size`; it is never enlarged.
    """
    by_aspect = sorted(lenses, key=lambda lens: lens.width / lens.height)
    median = by_aspect[len(by_aspect) // 2]
    scale = min(1.0, image_size / max(median.height, median.width))
    return max(1, round(median.height * scale)), max(1, round(median.width * scale))


def undistorted_size(lens: Lens) -> tuple[int, int]:
    """Height and width in which a photograph is undistorted; the tables for it are large."""
    scale = min(1.0, LARGEST_UNDISTORTED / max(lens.height, lens.width))
    return max(1, round(lens.height * scale)), max(1, round(lens.width * scale))


def ideal_pixels(
    pixels: Float32[np.ndarray, "rows columns *channels"], lens: Lens, height: int, width: int
) -> Float32[np.ndarray, "height width *channels"]:
    """What the ideal camera sees of a photograph: means of its pixels, with weights that sum to one.

    Args:
        pixels: of the photograph.
        lens: through which it was taken.
        height: in pixels of the answer.
        width: in pixels of the answer.
    """
    reduced = pixels if lens.is_ideal else _resized(pixels, *undistorted_size(lens))
    return _resized(undistorted(reduced, lens), height, width)


def _resized(
    pixels: Float32[np.ndarray, "rows columns *channels"], height: int, width: int
) -> Float32[np.ndarray, "height width *channels"]:
    """Averaged over areas where it shrinks."""
    if pixels.shape[:2] == (height, width):
        return np.ascontiguousarray(pixels)
    shrinks = height <= pixels.shape[0] and width <= pixels.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=method)
