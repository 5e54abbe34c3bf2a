"""From an image to the input of a network, and from its output to the grid of the image.

A network with cells of ``patch_size`` pixels sees an image resized to exactly ``rows * patch_size``
by ``columns * patch_size`` pixels. Nothing is cropped, so the image's left and right borders fall on
borders of cells, and the convention of `condense_ns.encoders.base` holds without an offset. The two
axes are scaled by factors that differ by less than half a cell in the shorter side, or half a step
of a network that takes steps of several cells.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import EncoderError

PREPROCESSING_VERSION = 1
"""Part of every fingerprint; grows with each change here that changes numbers."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def grid_within(height: int, width: int, max_rows: int, max_columns: int) -> tuple[int, int]:
    """Largest grid that fits in `max_rows` x `max_columns` and keeps the shape of the image.

    The side that binds is filled; the other is rounded to the nearest number of cells, at least 1.
    """
    scale = min(max_rows / height, max_columns / width)
    rows = min(max_rows, max(1, math.floor(height * scale + 0.5)))
    columns = min(max_columns, max(1, math.floor(width * scale + 0.5)))
    return rows, columns


def patch_grid(
    height: int, width: int, patch_size: int, image_size: int, step: int | None = None
) -> tuple[int, int]:
    """Rows and columns of an image whose longest side is resized to at most `image_size` pixels.

    Small images are enlarged, since a finer grid is worth more than the pixels it costs.

    Args:
        height: of the image, in pixels.
        width: of the image, in pixels.
        patch_size: side of a cell, in pixels of the resized image.
        image_size: longest side of the resized image, in pixels.
        step: what its sides must be multiples of, in pixels; itself a multiple of the patch. None for
            the patch.

    Raises:
        EncoderError: `image_size` is smaller than one step.
    """
    step = step or patch_size
    steps = image_size // step
    if steps < 1:
        smallest = "one patch" if step == patch_size else "the smallest image"
        raise EncoderError(
            f"image_size {image_size} is smaller than {smallest} of {step} pixels; "
            f"use at least {step}"
        )
    cells = step // patch_size
    rows, columns = grid_within(height, width, steps, steps)
    return rows * cells, columns * cells


def resize_to_grid(
    images: Float[Tensor, "batch 3 height width"], grid: tuple[int, int], patch_size: int
) -> Float[Tensor, "batch 3 resized_height resized_width"]:
    """The whole image on `grid` cells of `patch_size` pixels, low-passed where it shrinks."""
    size = (grid[0] * patch_size, grid[1] * patch_size)
    if size == tuple(images.shape[-2:]):
        return images
    return F.interpolate(images, size=size, mode="bilinear", align_corners=False, antialias=True)


def pad_bottom_right(
    images: Float[Tensor, "batch 3 height width"], height: int, width: int
) -> Float[Tensor, "batch 3 padded_height padded_width"]:
    """The image in the upper left corner of a `height` x `width` input, its borders repeated."""
    padding = (0, width - images.shape[-1], 0, height - images.shape[-2])
    return F.pad(images, padding, mode="replicate") if any(padding) else images


def normalise(
    images: Float[Tensor, "batch 3 height width"], mean: Sequence[float], std: Sequence[float]
) -> Float[Tensor, "batch 3 height width"]:
    """Colours in [0, 1] shifted by `mean` and divided by `std`, channel by channel."""
    shift = torch.tensor(mean, dtype=images.dtype, device=images.device).view(3, 1, 1)
    scale = torch.tensor(std, dtype=images.dtype, device=images.device).view(3, 1, 1)
    return (images - shift) / scale


def feature_map_from_output(
    output: Float[Tensor, "batch channels output_rows output_columns"], grid: tuple[int, int]
) -> Float[Tensor, "batch rows columns channels"]:
    """Channels last, float32, without the cells that hold only padding."""
    content = output[:, :, : grid[0], : grid[1]]
    return content.permute(0, 2, 3, 1).to(torch.float32).contiguous()
