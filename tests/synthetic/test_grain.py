"""Patterns are on the surfaces, not on the photographs."""

import numpy as np

from condense_ns.synthetic.grain import LONGEST, grained


def grey(shape, level=128):
    return np.full((*shape, 3), level, np.uint8)


def plane(height, width, spacing):
    """Pixels that look straight at a plane."""
    rows, columns = np.indices((height, width), np.float32)
    return np.stack([columns, rows, np.zeros_like(rows)], axis=-1).astype(np.float32) * spacing


def test_a_place_looks_the_same_in_two_photographs():
    xyz = plane(20, 30, 0.002)
    footprints, things = np.full((20, 30), 0.002, np.float32), np.ones((20, 30), np.int64)
    whole = grained(grey((20, 30)), xyz, footprints, things, seed=3)
    part = grained(grey((10, 30)), xyz[10:], footprints[10:], things[10:], seed=3)
    assert np.array_equal(part, whole[10:])
    assert whole.std() > 2


def test_things_and_scenes_have_patterns_of_their_own():
    xyz = plane(20, 30, 0.002)
    footprints = np.full((20, 30), 0.002, np.float32)
    pictures = [
        grained(grey((20, 30)), xyz, footprints, np.full((20, 30), thing), seed).astype(float)
        for thing, seed in ((1, 0), (2, 0), (1, 5))
    ]
    for other in pictures[1:]:
        assert abs(pictures[0] - other).mean() > 2


def test_what_a_pixel_cannot_resolve_is_not_there():
    coarse = np.full((5, 5), LONGEST, np.float32)
    flat = grained(grey((5, 5)), plane(5, 5, LONGEST), coarse, np.ones((5, 5), np.int64), seed=1)
    assert np.array_equal(flat, grey((5, 5)))


def test_pixels_without_a_surface_stay():
    nothing = np.zeros((4, 4), np.float32)
    kept = grained(grey((4, 4), 77), plane(4, 4, 0.01), nothing, np.zeros((4, 4), np.int64), seed=1)
    assert np.array_equal(kept, grey((4, 4), 77))
