"""How much of what one view sees other views see too, and from how different a side.

Surfaces are stood for by *anchors*, points on them. Whether something hides an anchor is not asked.
All answers are free of scale: moving, turning and scaling the scene changes none of them.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, project_pinhole

WIDE_ANGLE = 20.0
"""Degrees between two rays to an anchor at which seeing it counts 1/e."""
SEEN_ENOUGH = 3
"""Views after which an anchor needs no further one."""


def anchor_weights(
    anchors: Float[Tensor, "anchors 3"], target: PinholeViews, sources: PinholeViews
) -> Float[Tensor, "sources anchors"]:
    """What it is worth, from 0 to 1, that a source sees an anchor of the target.

    ``exp(-(angle / WIDE_ANGLE) ** 2)`` for the angle between the two rays to the anchor; 0 where the
    source does not see it.
    """
    angles = ray_angles(anchors, target, sources)
    seen = project_pinhole(anchors, sources).inside
    return torch.exp(-((angles / WIDE_ANGLE) ** 2)) * seen


def covisibility(
    anchors: Float[Tensor, "anchors 3"], target: PinholeViews, sources: PinholeViews
) -> Float[Tensor, " sources"]:
    """Share of the target's anchors that each source sees, weighted by `anchor_weights`.

    Args:
        anchors: of the scene; those outside the target's image do not count.
        target: one view.
        sources: any number.

    Returns:
        From 0 to 1; zeros if the target sees no anchor.
    """
    shown = anchors[project_pinhole(anchors, target).inside[0]]
    if len(shown) == 0:
        return anchors.new_zeros(len(sources))
    return anchor_weights(shown, target, sources).mean(dim=1)


def ray_angles(
    anchors: Float[Tensor, "anchors 3"], target: PinholeViews, sources: PinholeViews
) -> Float[Tensor, "sources anchors"]:
    """Degrees between the rays from the target and from each source to each anchor."""
    towards_target = torch.nn.functional.normalize(target.centres - anchors, dim=-1)
    towards_sources = torch.nn.functional.normalize(sources.centres[:, None] - anchors, dim=-1)
    # The chord, because the cosine of a small angle has lost most of its digits.
    half_chord = torch.linalg.vector_norm(towards_sources - towards_target, dim=-1) / 2
    return torch.rad2deg(2 * torch.asin(half_chord.clamp(max=1.0)))


def mean_ray_angles(
    anchors: Float[Tensor, "anchors 3"], target: PinholeViews, sources: PinholeViews
) -> Float[Tensor, " sources"]:
    """Mean angle in degrees over the anchors that the target and a source both see.

    Over all anchors of the target for a source that sees none of them, zeros if there is none.
    """
    shown = anchors[project_pinhole(anchors, target).inside[0]]
    if len(shown) == 0:
        return anchors.new_zeros(len(sources))
    angles = ray_angles(shown, target, sources)
    seen = project_pinhole(shown, sources).inside
    counted = seen | ~seen.any(dim=1, keepdim=True)
    return (angles * counted).sum(dim=1) / counted.sum(dim=1)


def diverse_choice(
    weights: Float[Tensor, "sources anchors"], count: int, ties: Float[Tensor, " sources"]
) -> list[int]:
    """Sources chosen one after another, each for the anchors that still lack views.

    The next is the one with the largest sum of weights over anchors seen by fewer than `SEEN_ENOUGH`
    of those chosen before; if none adds anything, the one with the largest sum over all anchors.

    Args:
        weights: as `anchor_weights` has them.
        count: how many to choose; all if there are fewer.
        ties: decides, the smaller the better, between sources that are equal in both sums.

    Returns:
        Their numbers, in the order of the choice.
    """
    total = weights.sum(dim=1)
    order = torch.argsort(ties, stable=True)
    order = order[torch.argsort(total[order], descending=True, stable=True)]
    weights, left = weights[order], torch.ones(len(order), dtype=torch.bool)
    views_of = torch.zeros(weights.shape[1], dtype=torch.long)
    chosen = []
    for _ in range(min(count, len(order))):
        gain = _gain(weights, views_of < SEEN_ENOUGH, left)
        best = int(gain.argmax())  # the first of equals, hence the one of the largest total
        chosen.append(int(order[best]))
        left[best] = False
        views_of += (weights[best] > 0).cpu()
    return chosen


def _gain(
    weights: Float[Tensor, "sources anchors"],
    lacking: Bool[Tensor, " anchors"],
    left: Bool[Tensor, " sources"],
) -> Float[Tensor, " sources"]:
    """What each source adds; -1 for those that were chosen."""
    gain = (weights * lacking.to(weights.device)).sum(dim=1).cpu()
    return torch.where(left, gain, -1.0)
