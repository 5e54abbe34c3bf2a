"""Asking a network how large its cells are, when nothing but the network knows."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import EncoderError

Network = Callable[[Tensor], Tensor]

_PROBE_SIDES = (448, 480)
"""Multiples of all common patches: 7, 8, 14, 16, 28, 32, 64; then 5, 10, 12, 20, 24, 48."""


def probed_layout(network: Network, device: str, name: str) -> tuple[int, int]:
    """Patch size and channels of a network that accepts any multiple of its patch.

    Args:
        network: maps Float[1, 3, height, width] to Float[1, channels, rows, columns].
        device: where the probing image is made.
        name: what the error calls the network.

    Raises:
        EncoderError: no patch size explains what the network answers.
    """
    for side in _PROBE_SIDES:
        channels, rows, columns = answer_shape(network, side, side, device, name)
        if rows == columns and side % rows == 0:
            patch_size = side // rows
            # A second, oblong image tells a true patch from a division that happens to go through.
            oblong = answer_shape(network, 9 * patch_size, 7 * patch_size, device, name)
            if oblong == (channels, 9, 7):
                return patch_size, channels
    raise EncoderError(
        f"{name}: no patch size explains the feature maps it answers for images of {_PROBE_SIDES} "
        "pixels; it must answer one cell per patch, with the same square patch for any image size"
    )


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
            "size is fixed in the file, it must accept any multiple of its patch"
        ) from error
    if len(shape) != 4 or shape[0] != 1 or 0 in shape:
        raise EncoderError(
            f"{name}: answers the shape {shape} for one image of {height} x {width} pixels; "
            "expected (1, channels, rows, columns)"
        )
    return shape[1], shape[2], shape[3]
