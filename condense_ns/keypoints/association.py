"""Which detections of which views show which point.

A point is projected into every view; of the detections near by, at a like depth, the one whose
descriptor is most like the point's shows it, if it is like enough. Depth tells occluded points from seen ones.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from scipy.spatial import KDTree
from torch import Tensor

NEIGHBOURS = 6
"""Detections that are looked at per point and view."""
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

    Args:
        projected: where the points should be, like `Detections.pixels`.
        depths: of the points along the optical axis; those behind the camera are not seen.
        descriptors: of the points.
        detections: of the view.
        radius: pixels within which a detection may lie.
    """
    nothing = torch.zeros(0, dtype=torch.long)
    if len(detections.pixels) == 0:
        return Pairs(nothing, nothing)
    low, high = detections.pixels.amin(dim=0) - radius, detections.pixels.amax(dim=0) + radius
    inside = ((projected >= low) & (projected <= high)).all(dim=1) & (depths > 0)
    near = torch.nonzero(inside)[:, 0]
    if len(near) == 0:
        return Pairs(nothing, nothing)
    count = min(NEIGHBOURS, len(detections.pixels))
    tree: Any = KDTree(detections.pixels.numpy())
    distances, found = tree.query(
        projected[near].numpy(),
        k=np.arange(1, count + 1),  # a list, so that one neighbour comes as a column, too
        distance_upper_bound=radius,
        workers=torch.get_num_threads(),
    )
    reached = np.nonzero(np.isfinite(distances))
    points, candidates = (
        near[torch.from_numpy(reached[0])],
        torch.from_numpy(np.asarray(found)[reached]),
    )
    alike = _alike(depths[points], detections.depths[candidates])
    points, candidates = points[alike], candidates[alike]
    cosines = (descriptors[points] * detections.descriptors[candidates]).sum(dim=1)
    sure = cosines >= LEAST_COSINE
    points, candidates, cosines = points[sure], candidates[sure], cosines[sure]
    # the most like of each point; of equal ones the nearest, which comes first
    order = torch.from_numpy(np.lexsort((-cosines.numpy(), points.numpy())))
    points, candidates = points[order], candidates[order]
    first = torch.ones(len(points), dtype=torch.bool)
    first[1:] = points[1:] != points[:-1]
    return Pairs(points[first], candidates[first])


def _alike(
    depths: Float64[Tensor, " candidates"], others: Float64[Tensor, " candidates"]
) -> Bool[Tensor, " candidates"]:
    """Which depths are nearly those of the points; unknown ones may be."""
    return (others <= 0) | ((others - depths).abs() < LIKE_DEPTH * depths)
