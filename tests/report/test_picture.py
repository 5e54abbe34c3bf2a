"""One picture: what is stored, what is refused."""

import numpy as np
import pytest

from condense_ns.report.images import ReportError
from condense_ns.report.picture import Picture
from tests.report.reading import decoded, is_one_sentence, plain

NOISE = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def test_size_outline_and_format():
    mask = np.zeros((6, 9), bool)
    mask[:2, :3] = True
    picture = Picture(NOISE, "a chair", outline=mask)
    assert (picture.height, picture.width) == (6, 9)
    assert picture.path == "M0 0h3M0 2h3M0 0v2M3 0v2"
    assert decoded(picture.uri).format == "WEBP"


def test_without_an_outline_there_is_no_path():
    assert Picture(NOISE).path == ""
    assert Picture(NOISE, outline=np.zeros((6, 9), bool)).path == ""


def test_labels_are_stored_exactly():
    assert (np.asarray(decoded(Picture(NOISE, labels=True).uri)) == NOISE).all()


@pytest.mark.usefixtures("without_shape_checks")
@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda: Picture(NOISE / 255.0, "depth"), "the picture “depth” must hold bytes"),
        (lambda: Picture(NOISE[..., 0]), "^a picture must have the shape"),
        (
            lambda: Picture(NOISE, "a chair", outline=np.zeros((9, 6), bool)),
            "the outline of the picture “a chair” has the shape",
        ),
        (lambda: Picture(NOISE, outline=NOISE[..., 0]), "the outline of a picture must be"),
    ],
)
def test_bad_pixels_and_outlines_are_named(made, told):
    with pytest.raises(ReportError, match=told) as caught:
        made()
    assert is_one_sentence(caught.value)


def test_a_picture_cannot_be_changed_afterwards():
    picture = Picture(plain(2, 2, (1, 2, 3)))
    with pytest.raises(AttributeError):
        picture.caption = "another"  # pyright: ignore[reportAttributeAccessIssue]
