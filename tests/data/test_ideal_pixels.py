"""Sizes of photographs, and what becomes of their pixels."""

from dataclasses import replace

import numpy as np

from condense_ns.data.ideal_pixels import ideal_pixels, working_size
from condense_ns.data.undistortion import Lens

IDEAL = Lens(8, 4, (6.0, 6.0), (4.0, 2.0), (0.0,) * 6, False)


def test_the_median_aspect_ratio_decides():
    lens = Lens(400, 200, (1.0, 1.0), (1.0, 1.0), (0.0,) * 6, False)
    upright, square = replace(lens, width=100), replace(lens, width=200)
    assert working_size([lens, upright, square], 100) == (100, 100)
    assert working_size([lens, lens, upright], 100) == (50, 100)


def test_pixels_are_averaged_by_hand():
    pixels = np.arange(32, dtype=np.float32).reshape(4, 8)
    assert ideal_pixels(pixels, IDEAL, 2, 4)[0].tolist() == [4.5, 6.5, 8.5, 10.5]
    assert ideal_pixels(pixels, IDEAL, 4, 8).tolist() == pixels.tolist()


def test_weights_sum_to_one_through_any_lens():
    bent = Lens(80, 40, (60.0, 60.0), (41.0, 19.0), (-0.2, 0.03, 0.0, 0.0, 0.002, 0.0), False)
    for lens in (bent, replace(bent, fisheye=True, distortion=(0.05, 0.01, 0.0, 0.0, 0.0, 0.0))):
        ones = np.ones((40, 80, 3), np.float32)
        for size in ((40, 80), (17, 31), (60, 100)):
            np.testing.assert_allclose(ideal_pixels(ones, lens, *size), 1.0, atol=1e-5)
