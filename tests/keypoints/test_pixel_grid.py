"""Places near points beside brute force."""

import numpy as np
import pytest

from condense_ns.keypoints import pixel_grid
from condense_ns.keypoints.pixel_grid import PixelGrid


def some(count, seed, size=100.0):
    return size * np.random.default_rng(seed).random((count, 2)) - 20.0


def found(places, points, radius):
    batches = list(PixelGrid(places, radius).pairs(points))
    pairs = [np.stack([near.points, near.places], axis=1) for near in batches]
    return sorted(np.concatenate(pairs).tolist())


def by_brute_force(places, points, radius):
    distances = np.linalg.norm(points[:, None] - places, axis=2)
    return np.argwhere(distances < radius).tolist()


def test_places_three_four_and_five_pixels_away_by_hand():
    places = np.array([[3.0, 0.0], [0.0, -4.0], [-3.0, 4.0]])
    (near,) = PixelGrid(places, 5.0).pairs(np.zeros((1, 2)))
    assert near.points.tolist() == [0, 0]
    assert dict(zip(near.places.tolist(), near.squares.tolist(), strict=True)) == {0: 9.0, 1: 16.0}


@pytest.mark.parametrize("radius", [1e-6, 0.02, 3.0, 17.0, 60.0, 1000.0])
@pytest.mark.parametrize("number", [1, 2, 150])
def test_pairs_are_those_of_brute_force(radius, number):
    places, points = some(number, 0), some(200, 1, size=140.0)
    points[:number] = places + 0.5e-6  # some that are near by any measure
    expected = by_brute_force(places, points, radius)
    assert found(places, points, radius) == expected
    assert len(expected) >= number


def test_points_far_away_are_near_nothing():
    points = np.array([[1e12, 0.0], [0.0, -1e12], [np.inf, 5.0], [np.nan, 5.0]])
    assert found(some(9, 2), points, 10.0) == []
    assert found(some(9, 2), points[:0], 10.0) == []


def test_places_in_one_spot_are_all_found():
    assert len(found(np.ones((7, 2)), np.ones((3, 2)), 0.5)) == 21


def test_batches_are_small_and_keep_the_pairs_of_a_point_together(monkeypatch):
    places, points = some(50, 3), some(300, 4)
    expected = by_brute_force(places, points, 1000.0)
    monkeypatch.setattr(pixel_grid, "BATCH", 500)
    batches = list(PixelGrid(places, 1000.0).pairs(points))
    owners = [set(near.points.tolist()) for near in batches]
    assert max(len(near.points) for near in batches) <= 500 + 50
    assert sum(len(some_of_them) for some_of_them in owners) == 300
    assert sum(len(near.points) for near in batches) == len(expected) == 50 * 300
