"""Asking a network how large its cells are, when nothing but the network knows.

Cells may be smaller than the step in which the sides of an image can grow: a U-Net that halves an
image three times and joins what it kept answers a cell per pixel, but takes multiples of 8 pixels only.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import EncoderError

Network = Callable[[Tensor], Tensor]

_PROBE_SIDES = (448, 480)
"""Multiples of all common patches: 7, 8, 14, 16, 28, 32, 64; then 5, 10, 12, 20, 24, 48."""
_LARGEST_STEP = 64
"""In pixels; of networks whose patch is smaller."""


class Layout(NamedTuple):
    """What a network takes and answers."""

    patch_size: int
    """Side of a cell, in pixels."""
    channels: int
    """Of the answer."""
    step: int
    """What the sides of an image must be multiples of, in pixels; itself a multiple of `patch_size`."""


def probed_layout(network: Network, device: str, name: str) -> Layout:
    """Patch size, channels and step of a network that accepts images of many sizes.

    Args:
        network: maps Float[1, 3, height, width] to Float[1, channels, rows, columns].
        device: where the probing image is made.
        name: what the error calls the network.

    Raises:
        EncoderError: the network fails at all sizes tried, or no patch size explains its answers.
    """
    failures: list[EncoderError] = []
    for side in _PROBE_SIDES:
        try:
            channels, rows, columns = answer_shape(network, side, side, device, name)
        except EncoderError as error:
            failures.append(error)
            continue
        if rows == columns and side % rows == 0:
            layout = _with_step(network, side // rows, channels, device, name)
            if isinstance(layout, Layout):
                return layout
            failures += layout
    if failures:
        raise failures[0]
    raise EncoderError(
        f"{name}: no patch size explains the feature maps it answers for images of {_PROBE_SIDES} "
        "pixels; it must answer one cell per patch, with the same square patch for any image size"
    )


def _with_step(
    network: Network, patch_size: int, channels: int, device: str, name: str
) -> Layout | list[EncoderError]:
    """The layout with the smallest step that works, or how the network failed at the largest.

    An oblong image tells a true patch from a division that happens to go through. Its sides are odd
    multiples of the step, so that a network that needs more does not get it by chance.
    """
    cells, failures = 1, []
    while cells == 1 or cells * patch_size <= _LARGEST_STEP:
        step = cells * patch_size
        try:
            oblong = answer_shape(network, 9 * step, 7 * step, device, name)
            if oblong == (channels, 9 * cells, 7 * cells):
                return Layout(patch_size, channels, step)
            failures = []
        except EncoderError as error:
            failures = [error]
        cells *= 2
    return failures


def answer_shape(
    network: Network, height: int, width: int, device: str, name: str
) -> tuple[int, int, int]:
    """Channels, rows and columns of the answer to a grey image.

    Raises:
        EncoderError: the network fails, or its answer is no grid of features.
    """
    image: Float[Tensor, "1 3 height width"] = torch.full((1, 3, height, width), 0.5, device=device)
    try:
        with torch.no_grad():
            shape = tuple(network(image).shape)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise EncoderError(
            f"{name}: fails on an image of {height} x {width} pixels ({reason}); unless its input "
            f"size is fixed in the file, it must accept any multiple of its patch, or of up to "
            f"{_LARGEST_STEP} pixels"
        ) from error
    if len(shape) != 4 or shape[0] != 1 or 0 in shape:
        raise EncoderError(
            f"{name}: answers the shape {shape} for one image of {height} x {width} pixels; "
            "expected (1, channels, rows, columns)"
        )
    return shape[1], shape[2], shape[3]
