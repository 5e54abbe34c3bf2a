"""Patterns by hand, far away, and what a named colour looks like."""

import numpy as np
import pytest

from condense_ns.synthetic.materials import material, mixtures
from condense_ns.synthetic.vocabulary import COLOURS, PATTERNS


def mixture(pattern, points, period=1.0, footprint=0.0):
    points = np.asarray(points, np.float32).T
    count = points.shape[1]
    numbers = np.full(count, PATTERNS.index(pattern))
    return mixtures(
        numbers, points, np.full(count, period, np.float32), np.full(count, footprint, np.float32)
    )


def anywhere(count=4000, seed=0):
    return np.random.default_rng(seed).uniform(-3, 3, (count, 3))


def test_a_striped_surface_changes_colour_twice_a_period():
    # sin(2 pi (x + z)) is 1, -1, 1 and 0 there.
    found = mixture("striped", [[0.25, 9, 0], [0.75, 9, 0], [0.5, 9, 0.75], [0.5, 9, 0]])
    assert found == pytest.approx([1, 0, 1, 0.5], abs=1e-4)


def test_neighbouring_squares_of_a_checkered_surface_differ():
    squares = [[0.4, 0.4, 0.4], [1.4, 0.4, 0.4], [1.4, 1.4, 0.4], [1.4, 1.4, 1.4]]
    assert mixture("checkered", squares) == pytest.approx([1, 0, 1, 0])


def test_spots_are_round_and_in_the_middle_of_their_cells():
    found = mixture("spotted", [[0.5, 0.5, 0.5], [7.5, -2.5, 0.5], [0, 0, 0], [0.5, 0.85, 0.5]])
    assert found == pytest.approx([1, 1, 0, 0])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_is_a_mixture_that_varies(pattern):
    found = mixture(pattern, anywhere())
    assert found.dtype == np.float32
    assert found.min() > -0.25
    assert found.max() < 1.25
    assert found.std() > 0.05


@pytest.mark.parametrize("pattern", PATTERNS)
def test_far_away_a_pattern_fades_to_about_its_mean(pattern):
    far = mixture(pattern, anywhere(), footprint=0.75)
    assert np.ptp(far) < 1e-6
    assert far[0] == pytest.approx(mixture(pattern, anywhere(20000)).mean(), abs=0.12)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_grows_with_its_period(pattern):
    points = anywhere(200)
    small = mixture(pattern, points, period=0.5, footprint=0.15)
    large = mixture(pattern, 2 * points, period=1.0, footprint=0.3)
    assert large == pytest.approx(small, abs=1e-3)


def test_each_point_has_its_own_pattern_whatever_the_order():
    rng = np.random.default_rng(1)
    numbers, points = rng.integers(len(PATTERNS), size=300), anywhere(300).astype(np.float32)
    period, footprint = np.ones(300, np.float32), np.full(300, 0.1, np.float32)
    together = mixtures(numbers, points.T, period, footprint)
    alone = [
        mixture(PATTERNS[number], point[None], 1.0, 0.1)[0]
        for number, point in zip(numbers, points, strict=True)
    ]
    assert together == pytest.approx(alone, abs=1e-5)


def test_no_points_have_no_mixture():
    assert mixture("plain", np.zeros((0, 3))).shape == (0,)


@pytest.mark.parametrize("colour", COLOURS)
def test_a_material_looks_like_the_colour_that_names_it(colour):
    rng = np.random.default_rng(2)
    made = [material(rng, colour, str(rng.choice(PATTERNS)), 0.1) for _ in range(40)]
    named = list(COLOURS)
    for one in made:
        assert all(0 <= value <= 1 for value in (*one.first, *one.second))
        assert 0 <= one.gloss <= 1
        distances = [np.abs(np.subtract(one.first, COLOURS[name])).max() for name in named]
        assert distances[named.index(colour)] < 0.2
        assert max(np.abs(np.subtract(one.first, one.second))) > 0.01
    assert len({one.first for one in made}) > 30  # some whites are clipped to the same
