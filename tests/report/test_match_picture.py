"""Where the marks of matches lie."""

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.errors import UserError
from condense_ns.report.match_picture import (
    LONGEST_SIDE,
    DrawnMatches,
    match_picture,
    write_match_picture,
)

GREY = torch.full((3, 48, 64), 0.5)
SCALE = LONGEST_SIDE // 64


def drawn(pixels, projected, inliers, rgb=GREY):
    ends = None if projected is None else torch.tensor(projected)
    return match_picture(rgb, DrawnMatches(torch.tensor(pixels), ends, torch.tensor(inliers)))


def at(picture, x, y):
    red, green, blue = picture[round(y * SCALE), round(x * SCALE)].astype(int)
    if max(red, green, blue) - min(red, green, blue) < 20:
        return "grey"
    return "green" if green > red else "red"


def test_inliers_are_green_and_outliers_red():
    picture = drawn([[10.0, 10.0], [40.0, 30.0]], [[11.0, 10.0], [41.0, 30.0]], [True, False])
    assert picture.shape[1] == LONGEST_SIDE
    assert picture.shape[0] > 48 * SCALE  # the legend is below
    assert at(picture, 10, 10) == "green"
    assert at(picture, 40, 30) == "red"
    assert at(picture, 25, 20) == "grey"


def test_lines_lead_to_where_the_point_would_be():
    picture = drawn([[10.0, 10.0]], [[13.0, 10.0]], [True])
    assert [at(picture, x, 10) for x in (9, 12.5, 14)] == ["grey", "green", "grey"]


def test_long_lines_are_cut_short():
    picture = drawn([[10.0, 10.0]], [[60.0, 10.0]], [False])
    assert [at(picture, x, 10) for x in (12, 20)] == ["red", "grey"]


@pytest.mark.parametrize("projected", [None, [[float("nan")] * 2], [[float("inf"), 5.0]]])
def test_points_without_a_place_have_a_dot_alone(projected):
    picture = drawn([[10.0, 10.0]], projected, [False])
    assert at(picture, 10, 10) == "red"
    assert at(picture, 11, 10) == "grey"


def test_no_matches():
    picture = match_picture(
        GREY, DrawnMatches(torch.zeros(0, 2), None, torch.zeros(0, dtype=torch.bool))
    )
    assert np.ptp(picture[: 48 * SCALE]) == 0


@pytest.mark.parametrize("size", [(16, 3000), (3000, 16), (1, 2000)])
def test_any_shape_of_photograph(size):
    picture = drawn([[1.0, 1.0]], None, [True], torch.rand(3, *size))
    assert max(picture.shape[0] - 44, picture.shape[1]) == LONGEST_SIDE


def test_it_is_saved_as_png(tmp_path):
    matches = DrawnMatches(torch.tensor([[3.0, 4.0]]), None, torch.tensor([True]))
    write_match_picture(tmp_path / "new" / "a.png", GREY, matches)
    with Image.open(tmp_path / "new" / "a.png") as saved:
        assert saved.format == "PNG"
        assert np.array_equal(np.asarray(saved), match_picture(GREY, matches))
    with pytest.raises(UserError, match="cannot be written"):
        write_match_picture(tmp_path, GREY, matches)
