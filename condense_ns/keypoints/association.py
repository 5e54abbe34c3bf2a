"""Which detections of which views show which point.

A point is projected into every view; of the detections near by, at a like depth, the one whose
descriptor is most like the point's shows it, if it is like enough. Depth tells occluded points from seen ones.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from condense_ns.keypoints.pixel_grid import PixelGrid

LEAST_COSINE = 0.7
LIKE_DEPTH = 0.15
"""Of the depth."""


@dataclass(frozen=True)
class Detections:
    """Keypoints of one view, lifted."""

    pixels: Float64[Tensor, "detections 2"]
    """Free of distortion, in pixels of the ideal camera: ideal coordinates times the focal length."""
    descriptors: Float[Tensor, "detections channels"]
    """Unit vectors."""
    depths: Float64[Tensor, " detections"]
    """Along the optical axis; 0 where unknown."""


@dataclass(frozen=True)
class Pairs:
    """Points and detections of one view that belong together."""

    points: Int64[Tensor, " pairs"]
    detections: Int64[Tensor, " pairs"]


def associate(
    projected: Float64[Tensor, "points 2"],
    depths: Float64[Tensor, " points"],
    descriptors: Float[Tensor, "points channels"],
    detections: Detections,
    radius: float,
) -> Pairs:
    """The detection of each point in one view, for points that have one.

    All detections within the radius are looked at, those of unlike depth before their descriptors.

    Args:
        projected: where the points should be, like `Detections.pixels`.
        depths: of the points along the optical axis; those behind the camera are not seen.
        descriptors: of the points.
        detections: of the view.
        radius: pixels within which a detection may lie, above 0.
    """
    if len(detections.pixels) == 0:
        nothing = torch.zeros(0, dtype=torch.long)
        return Pairs(nothing, nothing)
    own_depths, looks = depths.numpy(), descriptors.numpy()
    their_depths, their_looks = detections.depths.numpy(), detections.descriptors.numpy()
    best = []
    for near in PixelGrid(detections.pixels.numpy(), radius).pairs(projected.numpy()):
        kept = np.flatnonzero(_alike(own_depths[near.points], their_depths[near.places]))
        points, others, squares = near.points[kept], near.places[kept], near.squares[kept]
        own, theirs = looks.take(points, axis=0), their_looks.take(others, axis=0)
        cosines = np.einsum("pc,pc->p", own, theirs)
        sure = np.flatnonzero(cosines >= LEAST_COSINE)
        # the most like of each point comes first; of equal ones the nearest
        order = sure[np.lexsort((squares[sure], -cosines[sure], points[sure]))]
        first = order[np.diff(points[order], prepend=-1) > 0]
        best.append(np.stack([points[first], others[first]]))
    return Pairs(*torch.from_numpy(np.concatenate(best, axis=1)))


def _alike(
    depths: Float64[np.ndarray, " pairs"], others: Float64[np.ndarray, " pairs"]
) -> Bool[np.ndarray, " pairs"]:
    """Which depths of detections are nearly those of their points; unknown ones may be."""
    return (np.abs(others - depths) < LIKE_DEPTH * depths) | ((others <= 0) & (depths > 0))
