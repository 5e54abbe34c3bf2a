"""How much boxes overlap: volume of the intersection over volume of the union.

A box stands upright: centre (x, y, z), size along its own axes, turn about z in radians. Two boxes meet
in a polygon times a height. The polygon's corners are among the corners of each rectangle within the
other one and the places where their sides cross; sorted around their mean they give its area.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

_TOLERANCE = 1e-9
"""Relative; corners that lie on the other rectangle's sides are within."""


def paired_iou(
    boxes: Float[Tensor, "pairs 7"], others: Float[Tensor, "pairs 7"]
) -> Float[Tensor, " pairs"]:
    """Overlap of each box with the other one of its pair, in [0, 1]; zero for boxes without volume."""
    a, b = boxes.double(), others.double()
    floor = torch.maximum(a[:, 2] - a[:, 5] / 2, b[:, 2] - b[:, 5] / 2)
    ceiling = torch.minimum(a[:, 2] + a[:, 5] / 2, b[:, 2] + b[:, 5] / 2)
    height = (ceiling - floor).clamp_min(0)
    common = _common_area(a, b) * height
    union = a[:, 3:6].prod(dim=1) + b[:, 3:6].prod(dim=1) - common
    return torch.where(union > 0, common / union.clamp_min(1e-30), 0.0).clamp(0, 1).to(boxes.dtype)


def box_iou(
    boxes: Float[Tensor, "boxes 7"], others: Float[Tensor, "others 7"]
) -> Float[Tensor, "boxes others"]:
    """Overlap of every box with every other one."""
    away = (boxes[:, None, :2] - others[None, :, :2]).square().sum(dim=2)
    reach = boxes[:, None, 3:5].norm(dim=2) / 2 + others[None, :, 3:5].norm(dim=2) / 2
    first, second = torch.nonzero(away <= reach.square(), as_tuple=True)
    overlap = boxes.new_zeros(len(boxes), len(others))
    overlap[first, second] = paired_iou(boxes[first], others[second])
    return overlap


def within_boxes(
    places: Float[Tensor, "places 3"], boxes: Float[Tensor, "boxes 7"], least_side: float = 0.0
) -> Bool[Tensor, "places boxes"]:
    """Whether places lie in boxes, borders included.

    Args:
        places: in the space of the boxes.
        boxes: any.
        least_side: thinner boxes count as so thick.
    """
    away = places[:, None] - boxes[:, :3]
    cosine, sine = boxes[:, 6].cos(), boxes[:, 6].sin()
    along = away[..., 0] * cosine + away[..., 1] * sine
    across = away[..., 1] * cosine - away[..., 0] * sine
    local = torch.stack([along, across, away[..., 2]], dim=2).abs()
    return (local <= boxes[:, 3:6].clamp_min(least_side) / 2).all(dim=2)


def _common_area(
    a: Float[Tensor, "pairs 7"], b: Float[Tensor, "pairs 7"]
) -> Float[Tensor, " pairs"]:
    """Of the rectangles seen from above."""
    corners_a, corners_b = _corners(a), _corners(b)
    crossings, cross = _crossings(corners_a, corners_b)
    points = torch.cat([corners_a, corners_b, crossings], dim=1)
    valid = torch.cat([_within(corners_a, b), _within(corners_b, a), cross], dim=1)
    count = valid.sum(dim=1)
    # Points that do not count become one that does, which changes neither order nor area.
    first = points.gather(1, valid.long().argmax(dim=1)[:, None, None].expand(-1, 1, 2))
    points = torch.where(valid[..., None], points, first)
    middle = (points * valid[..., None]).sum(dim=1) / count.clamp_min(1)[:, None]
    around = points - middle[:, None]
    order = torch.atan2(around[..., 1], around[..., 0]).argsort(dim=1)
    around = around.gather(1, order[..., None].expand(-1, -1, 2))
    following = around.roll(-1, dims=1)
    twice = around[..., 0] * following[..., 1] - around[..., 1] * following[..., 0]
    return torch.where(count >= 3, twice.sum(dim=1).abs() / 2, 0.0)


def _corners(boxes: Float[Tensor, "pairs 7"]) -> Float[Tensor, "pairs 4 2"]:
    """Counter-clockwise, seen from above."""
    signs = boxes.new_tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    local = signs * boxes[:, None, 3:5] / 2
    cosine, sine = boxes[:, 6:].cos(), boxes[:, 6:].sin()
    x = local[..., 0] * cosine - local[..., 1] * sine
    y = local[..., 0] * sine + local[..., 1] * cosine
    return torch.stack([x, y], dim=2) + boxes[:, None, :2]


def _within(
    points: Float[Tensor, "pairs 4 2"], boxes: Float[Tensor, "pairs 7"]
) -> Bool[Tensor, "pairs 4"]:
    away = points - boxes[:, None, :2]
    cosine, sine = boxes[:, 6:].cos(), boxes[:, 6:].sin()
    along = away[..., 0] * cosine + away[..., 1] * sine
    across = away[..., 1] * cosine - away[..., 0] * sine
    limit = boxes[:, 3:5] * (0.5 + _TOLERANCE)
    return (along.abs() <= limit[:, :1]) & (across.abs() <= limit[:, 1:])


def _crossings(
    first: Float[Tensor, "pairs 4 2"], second: Float[Tensor, "pairs 4 2"]
) -> tuple[Float[Tensor, "pairs 16 2"], Bool[Tensor, "pairs 16"]]:
    """Where each side of one rectangle meets each of the other, and whether it does."""
    start, other = first[:, :, None], second[:, None]
    way = (first.roll(-1, dims=1) - first)[:, :, None]
    other_way = (second.roll(-1, dims=1) - second)[:, None]
    turn = _cross(way, other_way)
    parallel = turn.abs() <= _TOLERANCE * way.norm(dim=3) * other_way.norm(dim=3)
    safe = torch.where(parallel, torch.ones_like(turn), turn)
    between = other - start
    share, other_share = _cross(between, other_way) / safe, _cross(between, way) / safe
    meets = ~parallel & (share >= 0) & (share <= 1) & (other_share >= 0) & (other_share <= 1)
    points = start + share[..., None] * way
    return points.flatten(1, 2), meets.flatten(1, 2)


def _cross(
    a: Float[Tensor, "pairs rows columns 2"], b: Float[Tensor, "pairs more others 2"]
) -> Float[Tensor, "pairs any all"]:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
