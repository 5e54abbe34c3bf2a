"""Score maps -> keypoints: suppression, sub-pixel places, the strongest few."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_map
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.head import HeadMaps

RADIUS = 2
"""Pixels of the resized photograph within which the strongest keypoint alone remains."""
MIN_PROBABILITY = 0.005
BORDER = 4
"""Pixels of the resized photograph at its edges where no keypoint is looked for."""


def peaks(
    scores: Float[Tensor, "height width"], radius: int, threshold: float, border: int
) -> Int64[Tensor, "peaks 2"]:
    """Rows and columns of local maxima, row by row; a plateau is no peak.

    Args:
        scores: any values.
        radius: a peak is the largest within the square of side 2 radius + 1 around it.
        threshold: smallest score of a peak.
        border: pixels along the edges without peaks.
    """
    side = 2 * radius + 1
    pooled = F.max_pool2d(scores[None, None], side, stride=1, padding=radius)[0, 0]
    lowest = -F.max_pool2d(-scores[None, None], side, stride=1, padding=radius)[0, 0]
    found = (scores == pooled) & (scores > lowest) & (scores >= threshold)
    inner = torch.zeros_like(found)
    inner[border : scores.shape[0] - border, border : scores.shape[1] - border] = True
    return torch.nonzero(found & inner)


def detect(
    maps: HeadMaps, image_size: tuple[int, int], count: int, radius: int = RADIUS
) -> Keypoints2D:
    """The strongest keypoints of a photograph.

    A keypoint's score is the product of the probabilities that one lies there and that its
    descriptor is reliable.

    Args:
        maps: of the photograph.
        image_size: height and width of the photograph itself, whose pixels keypoints are given in.
        count: at most so many.
        radius: see `peaks`.
    """
    places = peaks(maps.score_logits.sigmoid(), radius, MIN_PROBABILITY, BORDER)
    rows, columns = places.unbind(dim=1)
    centres = torch.stack([columns, rows], dim=1).to(maps.score_logits.dtype) + 0.5
    reliability = sample_map(maps.reliability_logits[..., None], centres, maps.size)[:, 0].sigmoid()
    scores = maps.score_logits[rows, columns].sigmoid() * reliability
    order = torch.argsort(scores, descending=True, stable=True)[:count]
    centres = centres[order] + sample_map(maps.offsets, centres[order], maps.size)
    descriptors = sample_map(maps.descriptors, centres, maps.size)
    height, width = maps.size
    shrink = centres.new_tensor([image_size[1] / width, image_size[0] / height])
    return Keypoints2D(centres * shrink, scores[order], F.normalize(descriptors, dim=1))
