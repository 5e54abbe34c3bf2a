"""`gradients`: histograms of oriented gradients (Dalal and Triggs), no network and no weights.

Each cell of 8 pixels has the directions of its gradients in its four quarters, 9 directions from 0 to
180 degrees each, weighted by the gradients' length and divided by that of the cell's surroundings.
For tests, comparisons, and as an encoder unlike any network to train lift3d with.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.encoders.fingerprint import fingerprint
from condense_ns.encoders.patch_grid_encoder import PatchGridEncoder
from condense_ns.encoders.preprocessing import PREPROCESSING_VERSION

CODE_VERSION = 1
CELL, QUARTER = 8, 4
"""Pixels."""
DIRECTIONS = 9
DEFAULT_IMAGE_SIZE = 512
LEAST_LENGTH = 0.02
"""Added to the mean length of gradients around: even areas stay near zero."""


class GradientsEncoder(PatchGridEncoder):
    """36 numbers per cell of 8 pixels."""

    def __init__(
        self, spec: str = "gradients", device: str = "cpu", image_size: int | None = None
    ) -> None:
        """Choose the size of images.

        Args:
            spec: the name that it goes by.
            device: where to compute.
            image_size: longest side in pixels that gradients are taken of; None for 512.

        Raises:
            EncoderError: the size is smaller than a cell.
        """
        self.spec, self.device = spec, device
        self.patch_size, self.channels = CELL, 4 * DIRECTIONS
        self._choose_image_size(image_size or DEFAULT_IMAGE_SIZE)
        versions = [CODE_VERSION, PREPROCESSING_VERSION]
        self.fingerprint = fingerprint(
            {"encoder": "gradients", "versions": versions, "image_size": self._image_size}
        )

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Histograms of RGB images in [0, 1]."""
        pixels, (rows, columns) = self._on_grid(images)
        grey = F.pad(pixels.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
        across = (grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2]) / 2
        down = (grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1]) / 2
        length = torch.hypot(across, down)
        angle = torch.atan2(down, across) % math.pi * (DIRECTIONS / math.pi)
        bins = torch.arange(DIRECTIONS, device=angle.device)[:, None, None]
        apart = (angle - bins).abs()
        shares = (1 - torch.minimum(apart, DIRECTIONS - apart)).clamp_min(0) * length
        quarters = F.avg_pool2d(shares, QUARTER)
        around = F.avg_pool2d(
            length, 4 * CELL, CELL, padding=2 * CELL - CELL // 2, count_include_pad=False
        )
        around = around[:, :, :rows, :columns]
        cells = quarters.reshape(len(images), DIRECTIONS, rows, 2, columns, 2)
        cells = cells.permute(0, 2, 4, 3, 5, 1).reshape(len(images), rows, columns, self.channels)
        return cells / (around[:, 0, :, :, None] + LEAST_LENGTH)
