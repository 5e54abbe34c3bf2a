"""Which detections of which views show which point.

A point is projected into every view; of the detections near by, at a like depth, the one whose
descriptor is most like the point's shows it, if it is like enough. Depth tells occluded points from seen ones.
"""

from dataclasses import dataclass

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
    near = torch.nonzero(depths > 0)[:, 0]
    if len(near) == 0 or len(detections.pixels) == 0:
        nothing = torch.zeros(0, dtype=torch.long)
        return Pairs(nothing, nothing)
    count = min(NEIGHBOURS, len(detections.pixels))
    distances, found = KDTree(detections.pixels.numpy()).query(
        projected[near].numpy(), k=np.arange(1, count + 1), distance_upper_bound=radius
    )
    reached = torch.from_numpy(np.isfinite(distances))
    candidates = torch.from_numpy(found).clamp_max(len(detections.pixels) - 1)
    some = reached.any(dim=1)
    near, reached, candidates = near[some], reached[some], candidates[some]
    cosines = torch.einsum("pc,pkc->pk", descriptors[near], detections.descriptors[candidates])
    usable = reached & _alike(depths[near], detections.depths[candidates])
    cosines = cosines.masked_fill(~usable, -1.0)
    best, place = cosines.max(dim=1)
    sure = best >= LEAST_COSINE
    chosen = candidates.gather(1, place[:, None])[:, 0]
    return Pairs(near[sure], chosen[sure])


def _alike(
    depths: Float64[Tensor, " near"], others: Float64[Tensor, "near candidates"]
) -> Bool[Tensor, "near candidates"]:
    """Which depths are nearly those of the points; unknown ones may be."""
    return (others <= 0) | ((others - depths[:, None]).abs() < LIKE_DEPTH * depths[:, None])
