"""The detection of each point beside brute force."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.keypoints.association import (
    LEAST_COSINE,
    LIKE_DEPTH,
    Detections,
    associate,
)

NONE = torch.zeros(0, dtype=torch.long)


def scene(points=60, detections=80, size=100.0, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def some(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    looks = F.normalize(torch.randn(3, 5, generator=generator), dim=1)  # few, so many are alike
    spread = 0.3 * torch.randn(points + detections, 5, generator=generator)
    kind = torch.randint(0, 3, (points + detections,), generator=generator)
    all_looks = F.normalize(looks[kind] + spread, dim=1)
    depths = some(detections) + 2.0
    depths[::7] = 0.0
    own = some(points) + 2.0
    own[::9] *= -1.0
    seen = Detections(size * some(detections, 2), all_looks[points:], depths)
    return size * some(points, 2), own, all_looks[:points], seen


def by_brute_force(projected, depths, looks, seen, radius):
    pairs = []
    for point in range(len(projected)):
        distance = (seen.pixels - projected[point]).norm(dim=1)
        candidates = {}
        for other in distance.argsort().tolist():  # the nearest first
            depth, own = float(seen.depths[other]), float(depths[point])
            cosine = float(looks[point] @ seen.descriptors[other])
            alike = depth <= 0 or abs(depth - own) < LIKE_DEPTH * own
            if own > 0 and distance[other] < radius and alike and cosine >= LEAST_COSINE:
                candidates[other] = cosine
        if candidates:
            pairs.append([point, max(candidates, key=lambda other: candidates[other])])
    return pairs


@pytest.mark.parametrize("radius", [0.5, 5.0, 12.0, 40.0, 1000.0])
@pytest.mark.parametrize("detections", [1, 4, 80])
def test_pairs_are_those_of_brute_force(radius, detections):
    given = scene(detections=detections)
    pairs = associate(*given, radius)
    found = torch.stack([pairs.points, pairs.detections], dim=1).tolist()
    assert found == by_brute_force(*given, radius)


def one(depth=2.0, look=(1.0, 0.0), detected=2.0, at=(13.0, 14.0), detected_look=(1.0, 0.0)):
    seen = Detections(
        torch.tensor([at]).double(),
        torch.tensor([detected_look]),
        torch.tensor([detected]).double(),
    )
    projected = torch.tensor([[10.0, 10.0]]).double()
    pairs = associate(projected, torch.tensor([depth]).double(), torch.tensor([look]), seen, 5.5)
    return len(pairs.points)


def test_a_detection_five_pixels_away_by_hand():
    assert one() == 1
    assert one(at=(13.0, 15.0)) == 0  # too far
    assert one(depth=-2.0) == 0  # behind the camera
    assert one(detected=2.29) == one(detected=0.0) == 1
    assert one(detected=2.31) == one(detected=1.69) == 0  # something lies before it
    assert one(detected_look=(0.71, 0.704)) == 1
    assert one(detected_look=(0.69, 0.724)) == 0


def test_the_most_alike_wins_over_the_nearest():
    seen = Detections(
        torch.tensor([[10.0, 10.0], [12.0, 10.0]]).double(),
        F.normalize(torch.tensor([[1.0, 0.5], [1.0, 0.1]]), dim=1),
        torch.zeros(2).double(),
    )
    point = torch.tensor([[10.0, 10.0]]).double(), torch.ones(1).double(), torch.tensor([[1.0, 0]])
    assert associate(*point, seen, 5.0).detections.tolist() == [1]
    assert associate(*point, seen, 1.0).detections.tolist() == [0]


def test_of_equally_like_detections_the_nearest_wins():
    pixels = torch.tensor([[14.0, 10.0], [10.0, 7.0], [12.0, 12.0], [10.0, 15.0]]).double()
    seen = Detections(pixels, torch.tensor([[1.0, 0.0]]).repeat(4, 1), torch.zeros(4).double())
    point = torch.tensor([[10.0, 10.0]]).double(), torch.ones(1).double(), torch.tensor([[1.0, 0]])
    assert associate(*point, seen, 5.5).detections.tolist() == [2]


def test_the_order_of_points_and_of_detections_does_not_matter():
    projected, depths, looks, seen = scene(seed=3)
    one_way = associate(projected, depths, looks, seen, 12.0)
    p, d = (torch.randperm(n, generator=torch.Generator().manual_seed(4)) for n in (60, 80))
    shuffled = Detections(seen.pixels[d], seen.descriptors[d], seen.depths[d])
    other = associate(projected[p], depths[p], looks[p], shuffled, 12.0)
    pairs = set(zip(p[other.points].tolist(), d[other.detections].tolist(), strict=True))
    expected = set(zip(one_way.points.tolist(), one_way.detections.tolist(), strict=True))
    assert pairs == expected
    assert len(pairs) > 10


@pytest.mark.parametrize(("points", "detections"), [(0, 5), (5, 0), (0, 0)])
def test_nothing_belongs_to_nothing(points, detections):
    pairs = associate(*scene(points, detections), 1000.0)
    assert torch.equal(pairs.points, NONE)
    assert torch.equal(pairs.detections, NONE)


def test_points_behind_the_camera_alone_have_no_detections():
    projected, depths, looks, seen = scene()
    assert len(associate(projected, -depths.abs(), looks, seen, 1000.0).points) == 0
