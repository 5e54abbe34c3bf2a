"""Detectors that the 2D head starts from: every pixel's logit of being a keypoint, before learning.

``shi-tomasi`` and ``dog`` are kornia's responses, which have no natural unit: a response r becomes
log(r / q), q being that of the strongest hundredth of the photograph's pixels. A network that finds keypoints
in cells of p x p pixels, as SuperPoint and XFeat do, answers p^2 logits a cell, and mostly one more
for "none here"; its probability becomes log(p / (1 - p)).
"""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.errors import UserError

ClassicalDetector = Literal["shi-tomasi", "dog"]
CLASSICAL: tuple[ClassicalDetector, ...] = ("shi-tomasi", "dog")
STRONGEST = 0.99
SMALLEST = 1e-6
"""Of a response relative to the strongest, and of a probability."""


def classical_logits(
    image: Float[Tensor, "3 height width"], detector: ClassicalDetector
) -> Float[Tensor, "height width"]:
    """Logits of a detector that is a formula.

    Args:
        image: RGB in [0, 1].
        detector: which.
    """
    from kornia.color import rgb_to_grayscale
    from kornia.feature import dog_response_single, gftt_response
    from kornia.filters import gaussian_blur2d

    grey = rgb_to_grayscale(image[None])
    if detector == "shi-tomasi":
        response = gftt_response(gaussian_blur2d(grey, (5, 5), (1.0, 1.0)))
    else:
        response = dog_response_single(grey, 1.0, 1.6).abs()
    response = response[0, 0].clamp_min(0.0)
    strong = torch.quantile(response.flatten()[:: max(1, response.numel() // 100_000)], STRONGEST)
    return (response / strong.clamp_min(1e-12)).clamp_min(SMALLEST).log()


def weighed_logits(
    logits: Float[Tensor, "height width"], scores: Float[Tensor, "rows columns"]
) -> Float[Tensor, "height width"]:
    """A detector's logits where cells have scores as well: the logarithm of the score is added.

    As a detector's response does, a score s counts relative to that of the strongest hundredth of the
    photograph's cells, q: log(s / q). The detector says where in a cell a keypoint lies, the scores which cells
    are worth it.

    Args:
        logits: of every pixel.
        scores: of cells that cover the same photograph, in [0, 1].
    """
    weights = F.interpolate(scores[None, None], logits.shape, mode="bilinear", align_corners=False)[
        0, 0
    ]
    strong = torch.quantile(scores.flatten(), STRONGEST).clamp_min(1e-12)
    return logits + (weights / strong).clamp_min(SMALLEST).log()


def cell_logits(
    cells: Float[Tensor, "rows columns channels"], size: tuple[int, int]
) -> Float[Tensor, "height width"]:
    """Logits of a network that answers for cells.

    Args:
        cells: its map, p^2 or p^2 + 1 channels, row by row within a cell, "none here" last.
        size: height and width of the answer; the map covers all of it.

    Raises:
        UserError: another number of channels.
    """
    channels = cells.shape[-1]
    side = math.isqrt(channels)
    if channels - side * side > 1 or side < 2:
        raise UserError(
            f"a detector's map has p x p or p x p + 1 channels, this one has {channels}; name the output of "
            "the keypoint logits, e.g. onnx:net.onnx#logits"
        )
    probabilities = cells.softmax(dim=-1) if channels > side * side else cells.sigmoid()
    inside = probabilities[..., : side * side].permute(2, 0, 1)[None]
    pixels = F.pixel_shuffle(inside, side)
    if pixels.shape[-2:] != size:
        pixels = F.interpolate(pixels, size, mode="bilinear", align_corners=False)
    return torch.logit(pixels[0, 0], eps=SMALLEST)
