"""Answers that cannot be lifted or shown."""

import pytest
import torch

from condense_ns.operators import OperatorError
from condense_ns.operators.checking import checked_decode, checked_encode
from condense_ns.operators.rgb import RgbOperator


class Answering(RgbOperator):
    """An operator that answers what it is told to."""

    def __init__(self, answer):
        super().__init__("rgb")
        self.answer = answer

    def encode(self, images):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.answer

    def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
        return self.answer


def with_one(value, shape):
    values = torch.zeros(shape)
    values[0, 1, 1] = value
    return values


def test_what_is_right_passes(image):
    operator = RgbOperator("rgb")
    maps = checked_encode(operator, image[None])
    assert torch.equal(checked_decode(operator, maps[0], image), image.permute(1, 2, 0))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            torch.zeros(1, 24, 32, 4),
            r"answered the shape \(1, 24, 32, 4\); expected \(1, 24, 32, 3\)",
        ),
        (torch.zeros(1, 12, 16, 3), r"answered the shape \(1, 12, 16, 3\); expected"),
        (torch.zeros(2, 24, 32, 3), r"expected .* \(batch, rows, columns, channels\)"),
        (None, "answered NoneType"),
        (
            torch.zeros(1, 24, 32, 3, dtype=torch.float16),
            "answered torch.float16; expected torch.float32",
        ),
        (with_one(torch.nan, (1, 24, 32, 3)), "answered 3 of 2304 values that are not finite"),
        (with_one(torch.inf, (1, 24, 32, 3)), "not finite; check the network's weights"),
    ],
)
def test_wrong_maps_are_refused(image, answer, message):
    with pytest.raises(
        OperatorError, match=r"^rgb: encode of images of 24 x 32 pixels .*" + message
    ):
        checked_encode(Answering(answer), image[None])


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (torch.zeros(12, 16, 3), r"answered the shape \(12, 16, 3\); expected \(24, 32, 3\)"),
        (torch.zeros(48, 32, 3), r"answered .* pictures up to 8 whole times as tall and as wide\)"),
        (torch.zeros(216, 288, 3), r"answered the shape \(216, 288, 3\); expected \(24, 32, 3\)"),
        (torch.zeros(48, 64, 2), r"answered the shape \(48, 64, 2\); expected \(24, 32, 2\)"),
        (torch.zeros(0, 0, 3), r"answered the shape \(0, 0, 3\); expected \(24, 32, 3\)"),
        (torch.zeros(3, 24, 32), r"answered the shape \(3, 24, 32\); expected \(24, 32, 32\)"),
        (torch.zeros(24, 32), r"answered the shape \(24, 32\); expected \(24, 32, 'answers'\)"),
        ([1.0], "answered list"),
        (torch.zeros(24, 32, 3, dtype=torch.long), "answered torch.int64"),
        (with_one(torch.nan, (24, 32, 5)), "answered 1 of 3840 values that are not finite"),
    ],
)
def test_wrong_answers_are_refused(image, answer, message):
    feature_map = torch.zeros(24, 32, 3)
    with pytest.raises(
        OperatorError, match=r"^rgb: decode for an image of 24 x 32 pixels " + message
    ):
        checked_decode(Answering(answer), feature_map, image)


def test_a_picture_may_be_larger_and_scores_of_classes_may_not(image):
    feature_map, operator = torch.zeros(24, 32, 3), Answering(torch.zeros(72, 96, 3))
    assert checked_decode(operator, feature_map, image) is operator.answer
    operator.label_names = ("red", "green", "blue")
    with pytest.raises(OperatorError, match=r"\(72, 96, 3\); expected \(24, 32, 3\) \(height"):
        checked_decode(operator, feature_map, image)


def test_wrong_maps_are_not_decoded(image):
    operator = RgbOperator("rgb")
    for shape in ((12, 16, 3), (24, 32, 4)):
        with pytest.raises(
            OperatorError, match=r"takes a map of the shape \(24, 32, 3\) .* grid_size"
        ):
            checked_decode(operator, torch.zeros(shape), image)
    with pytest.raises(OperatorError, match="not finite; fill what no source view sees"):
        checked_decode(operator, with_one(torch.nan, (24, 32, 3)), image)


def test_lifted_maps_may_be_finer_where_the_operator_says_so(image):
    class Finer(RgbOperator):
        def lifted_size(self, height, width):  # pyright: ignore[reportIncompatibleMethodOverride]
            return height, width

    operator = Finer("rgb", image_size=16)
    for cells in ((12, 16), (24, 32)):
        assert checked_decode(operator, torch.zeros(*cells, 3), image).shape == (24, 32, 3)
    with pytest.raises(OperatorError, match="takes a map of the shape"):
        checked_decode(operator, torch.zeros(6, 8, 3), image)
