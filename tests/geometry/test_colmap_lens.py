"""COLMAP's model of a lens, by the terms that its distortion has."""

import pytest

from condense_ns.errors import UserError
from condense_ns.geometry.colmap_lens import colmap_lens

FOCAL, CENTRE = [300.0, 310.0], [205.0, 148.0]


@pytest.mark.parametrize(
    ("distortion", "fisheye", "model", "terms"),
    [
        ([0.0] * 6, False, "PINHOLE", ()),
        ([0.1, 0.2, 0.0, 0.0, 0.3, 0.4], False, "OPENCV", (0.1, 0.2, 0.3, 0.4)),
        (
            [0.1, 0.2, 0.5, 0.0, 0.3, 0.4],
            False,
            "FULL_OPENCV",
            (0.1, 0.2, 0.3, 0.4, 0.5, 0.0, 0.0, 0.0),
        ),
        ([0.1, 0.2, 0.3, 0.4, 0.0, 0.0], True, "OPENCV_FISHEYE", (0.1, 0.2, 0.3, 0.4)),
        (
            [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
            True,
            "THIN_PRISM_FISHEYE",
            (0.1, 0.2, 0.5, 0.6, 0.3, 0.4, 0.0, 0.0),
        ),
    ],
)
def test_the_simplest_model_with_these_terms(distortion, fisheye, model, terms):
    lens = colmap_lens(FOCAL, CENTRE, distortion, fisheye)
    assert (lens.model, lens.parameters) == (model, (*FOCAL, *CENTRE, *terms))


def test_a_perspective_lens_of_eighth_order_is_refused():
    with pytest.raises(UserError, match=r"k4 = 0\.002; undistort"):
        colmap_lens(FOCAL, CENTRE, [0.0, 0.0, 0.0, 0.002, 0.0, 0.0], False)
