"""Mutual nearest neighbours beside a slow reference that follows the definition word by word."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.keypoints.matching import mutual_nearest


def unit_vectors(count, channels=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, channels, generator=generator), dim=1)


def slowly(a, b, ratio, groups):
    """Pairs by loops over all a and all points."""
    cosines = a.double() @ b.double().T
    points = sorted(set(groups))
    nearness = [
        {
            point: max(
                float(cosines[row, other]) for other in range(len(b)) if groups[other] == point
            )
            for point in points
        }
        for row in range(len(a))
    ]
    pairs = []
    for row in range(len(a)):
        point = max(points, key=lambda point: nearness[row][point])
        others = [value for other, value in nearness[row].items() if other != point]
        distance = math.sqrt(2 - 2 * nearness[row][point])
        second = math.sqrt(2 - 2 * max(others)) if others else math.inf
        mutual = row == max(range(len(a)), key=lambda other: nearness[other][point])
        if mutual and (ratio is None or distance < ratio * second):
            pairs.append([row, point])
    return pairs


@pytest.mark.parametrize("ratio", [None, 1.0, 0.9, 0.5])
@pytest.mark.parametrize("chunk", [1, 7, 256])
@pytest.mark.parametrize(("count_a", "count_b"), [(40, 60), (60, 25), (1, 9), (9, 1)])
def test_pairs_are_those_of_the_definition(ratio, chunk, count_a, count_b):
    a, b = unit_vectors(count_a, seed=1), unit_vectors(count_b, seed=2)
    near = min(count_a, count_b) // 2
    b[:near] = F.normalize(a[:near] + 0.1 * unit_vectors(near, seed=3), dim=1)
    found = mutual_nearest(a, b, ratio, chunk)
    assert found.pairs.tolist() == slowly(a, b, ratio, list(range(count_b)))
    assert len(found) == len(found.scores)
    cosines = (a[found.pairs[:, 0]] * b[found.pairs[:, 1]]).sum(dim=1)
    assert torch.allclose(found.scores, cosines, atol=1e-5)


@pytest.mark.parametrize("ratio", [None, 0.9, 0.6])
@pytest.mark.parametrize("chunk", [3, 256])
def test_points_with_several_descriptors(ratio, chunk):
    points = unit_vectors(15, seed=4)
    generator = torch.Generator().manual_seed(5)
    groups = torch.randint(0, 15, (70,), generator=generator) * 7 - 20  # any numbers, any order
    b = F.normalize(points[(groups + 20) // 7] + 0.2 * unit_vectors(70, seed=6), dim=1)
    a = F.normalize(points[:10] + 0.2 * unit_vectors(10, seed=7), dim=1)
    found = mutual_nearest(a, b, ratio, chunk, groups)
    assert found.pairs.tolist() == slowly(a, b, ratio, groups.tolist())
    assert len(found) > 0


def test_the_second_nearest_of_the_same_point_is_no_rival():
    a = unit_vectors(1, channels=100)
    b = torch.cat([a, a, -a])
    assert len(mutual_nearest(a, b)) == 0
    assert mutual_nearest(a, b, groups_b=torch.tensor([8, 8, 3])).pairs.tolist() == [[0, 8]]


def test_of_equally_near_ones_the_first_counts():
    a = torch.eye(6)[:1].repeat(5, 1)  # products of these are not rounded
    b = torch.cat([-a[:1], a, a])
    for chunk in (1, 2, 256):
        assert mutual_nearest(a, b, None, chunk).pairs.tolist() == [[0, 1]]
        groups = torch.tensor([0, 9, 9, 9, 9, 9, 2, 2, 2, 2, 2])
        assert mutual_nearest(a, b, None, chunk, groups).pairs.tolist() == [[0, 9]]


def test_two_points_that_look_the_same_are_told_apart_by_no_rounding():
    for seed in range(20):
        a = unit_vectors(30, channels=100, seed=seed)
        assert len(mutual_nearest(a, torch.cat([a, a]))) == 0


def test_equal_questions_have_equal_answers():
    a, b = unit_vectors(50, seed=1), unit_vectors(80, seed=2)
    first, second = mutual_nearest(a, b), mutual_nearest(a, b)
    assert torch.equal(first.pairs, second.pairs)
    assert torch.equal(first.scores, second.scores)


def test_what_was_given_stays_as_it_is():
    a, b = unit_vectors(5, seed=1), unit_vectors(8, seed=2)
    before = a.clone(), b.clone()
    mutual_nearest(a, b)
    assert torch.equal(a, before[0])
    assert torch.equal(b, before[1])


@pytest.mark.parametrize(("count_a", "count_b"), [(0, 5), (5, 0), (0, 0)])
def test_nothing_has_no_pairs(count_a, count_b):
    found = mutual_nearest(unit_vectors(count_a), unit_vectors(count_b))
    assert found.pairs.shape == (0, 2)
    assert found.scores.shape == (0,)
    assert found.pairs.dtype == torch.long


@pytest.mark.parametrize("ratio", [0.0, -1.0, 1.1, math.nan])
def test_a_ratio_outside_its_range(ratio):
    with pytest.raises(UserError, match="ratio of the matching"):
        mutual_nearest(unit_vectors(2), unit_vectors(2), ratio)


@pytest.mark.benchmark
def test_a_photograph_against_a_large_scene():
    a, b = unit_vectors(1500, 64, seed=1), unit_vectors(100_000, 64, seed=2)
    b[:1000] = F.normalize(a[:1000] + 0.05 * unit_vectors(1000, 64, seed=3), dim=1)
    found = mutual_nearest(a, b)
    assert torch.equal(found.pairs[:1000], torch.arange(1000)[:, None].expand(1000, 2))
    assert len(found) < 1010  # few of those without a partner find one
