"""Do two views have the same keypoints, and do descriptors find them (`methods.md` 7.4)?

With P'_a the keypoints of view a whose surface view b sees, w_ab(u) where they land there, and M the
mutual nearest neighbours of the descriptors:

* repeatability   share of P'_a and P'_b with a keypoint of the other view within eps of where they land
* matching score  pairs of M that land within eps of their partner, of the mean of |P'_a| and |P'_b|
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class Landed:
    """The keypoints of one view in another."""

    own: Float[Tensor, "keypoints 2"]
    """Pixels in their own view."""
    landed: Float[Tensor, "keypoints 2"]
    """Pixels in the other view; anything where that does not see them."""
    shared: Bool[Tensor, " keypoints"]
    """Which the other view sees."""


def repeatability(view_a: Landed, view_b: Landed, radius: float) -> float:
    """Share of shared keypoints that the other view has, too; NaN without any.

    Args:
        view_a: keypoints of a in b.
        view_b: keypoints of b in a.
        radius: eps in pixels.
    """
    found, shared = 0, 0
    for here, there in ((view_a, view_b), (view_b, view_a)):
        shared += int(here.shared.sum())
        if len(there.own) and here.shared.any():
            nearest = torch.cdist(here.landed[here.shared], there.own).amin(dim=1)
            found += int((nearest <= radius).sum())
    return found / shared if shared else float("nan")


def matching_score(
    view_a: Landed, view_b: Landed, pairs: Int64[Tensor, "matches 2"], radius: float
) -> float:
    """Share of shared keypoints that are matched rightly; NaN without any.

    Args:
        view_a: keypoints of a in b.
        view_b: keypoints of b in a.
        pairs: numbers of keypoints of a and of b.
        radius: eps in pixels.
    """
    shared = (int(view_a.shared.sum()) + int(view_b.shared.sum())) / 2
    if not shared:
        return float("nan")
    of_a, of_b = pairs.unbind(dim=1)
    distance = torch.linalg.vector_norm(view_a.landed[of_a] - view_b.own[of_b], dim=1)
    return int((view_a.shared[of_a] & (distance <= radius)).sum()) / shared
