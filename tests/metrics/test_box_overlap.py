"""Overlap of boxes against clipping polygons one side at a time."""

import math

import pytest
import torch

from condense_ns.metrics.box_overlap import box_iou, paired_iou, within_boxes


def box(x=0.0, y=0.0, z=0.0, width=1.0, depth=1.0, height=1.0, turn=0.0):
    return torch.tensor([[x, y, z, width, depth, height, turn]], dtype=torch.float64)


def corners_of(values):
    x, y, _, width, depth, _, turn = values
    found = []
    for a, b in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        u, v = a * width / 2, b * depth / 2
        c, s = math.cos(turn), math.sin(turn)
        found.append((x + u * c - v * s, y + u * s + v * c))
    return found


def clipped(polygon, start, end):
    """What of a polygon lies to the left of a line."""

    def side(p):
        return (end[0] - start[0]) * (p[1] - start[1]) - (end[1] - start[1]) * (p[0] - start[0])

    kept = []
    for one, other in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        a, b = side(one), side(other)
        if a >= 0:
            kept.append(one)
        if a * b < 0:
            share = a / (a - b)
            kept.append(tuple(p + share * (q - p) for p, q in zip(one, other, strict=True)))
    return kept


def slow_iou(a, b):
    polygon, others = corners_of(a), corners_of(b)
    for start, end in zip(others, others[1:] + others[:1], strict=True):
        polygon = clipped(polygon, start, end) if polygon else []
    area = sum(
        p[0] * q[1] - p[1] * q[0] for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True)
    )
    top, bottom = min(a[2] + a[5] / 2, b[2] + b[5] / 2), max(a[2] - a[5] / 2, b[2] - b[5] / 2)
    common = max(area / 2, 0) * max(top - bottom, 0)
    return common / (math.prod(a[3:6]) + math.prod(b[3:6]) - common)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (box(), 1),
        (box(x=0.5), 1 / 3),
        (box(z=0.5), 1 / 3),
        (box(x=1.0), 0),
        (box(z=3.0), 0),
        (box(turn=math.pi / 2), 1),
        (box(turn=math.pi), 1),
        (box(width=2.0, depth=2.0, height=2.0), 1 / 8),
        # A square turned by 45 degrees leaves an octagon of area 2 sqrt(2) - 2.
        (box(turn=math.pi / 4), (2 * math.sqrt(2) - 2) / (4 - 2 * math.sqrt(2))),
        (box(width=0.0), 0),
    ],
)
def test_cases_by_hand(other, expected):
    assert float(paired_iou(box(), other)) == pytest.approx(expected, abs=1e-9)
    assert float(paired_iou(other, box())) == pytest.approx(expected, abs=1e-9)


def random_boxes(count, seed):
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.rand(count, 7, generator=generator, dtype=torch.float64)
    boxes[:, :3] *= 2
    boxes[:, 3:6] += 0.1
    boxes[:, 6] = (boxes[:, 6] - 0.5) * 14
    return boxes


def test_random_boxes_agree_with_clipping():
    boxes, others = random_boxes(40, 0), random_boxes(30, 1)
    found = box_iou(boxes, others)
    expected = torch.tensor([[slow_iou(a, b) for b in others.tolist()] for a in boxes.tolist()])
    assert (expected > 0.01).sum() > 100
    assert torch.allclose(found, expected.double(), atol=1e-9)


def test_a_box_overlaps_itself_fully_and_moving_both_changes_nothing():
    boxes = random_boxes(50, 2)
    assert torch.allclose(paired_iou(boxes, boxes), torch.ones(50).double(), atol=1e-7)
    others = random_boxes(50, 3)
    moved, other_moved = boxes.clone(), others.clone()
    for values in (moved, other_moved):
        values[:, :3] += torch.tensor([100.0, -50, 7])
    assert torch.allclose(paired_iou(boxes, others), paired_iou(moved, other_moved), atol=1e-6)


def test_no_boxes_are_no_mistake():
    assert box_iou(torch.zeros(0, 7), torch.zeros(3, 7)).shape == (0, 3)
    assert paired_iou(torch.zeros(0, 7), torch.zeros(0, 7)).shape == (0,)


def test_places_within_a_turned_box():
    turned = box(x=1.0, width=4.0, depth=0.2, turn=math.pi / 2)
    places = torch.tensor([[1.0, 1.9, 0.4], [1.0, 2.1, 0], [2.5, 0, 0], [1.15, 0, 0]]).double()
    assert within_boxes(places, turned)[:, 0].tolist() == [True, False, False, False]
    assert within_boxes(places, turned, least_side=0.4)[3, 0]
