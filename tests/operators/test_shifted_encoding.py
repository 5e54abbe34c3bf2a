"""Maps of a picture that is moved by parts of a cell."""

import pytest
import torch

from condense_ns.operators import OperatorError
from condense_ns.operators.rgb import RgbOperator
from condense_ns.operators.shifted_encoding import shifted_encode


class Picking(RgbOperator):
    """Answers the colour of one pixel of each cell of 8 x 4 pixels, as aliased as can be."""

    def __init__(self):
        super().__init__("rgb")
        self.asked: list[int] = []

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        return height // 8, width // 4

    def encode(self, images):  # pyright: ignore[reportIncompatibleMethodOverride]
        self.asked.append(len(images))
        return images[..., 4::8, 2::4].permute(0, 2, 3, 1)


class Wrong(Picking):
    """Answers no map."""

    def encode(self, images):  # pyright: ignore[reportIncompatibleMethodOverride]
        return super().encode(images)[..., :2]


def test_half_is_sharp_and_half_the_mean_of_rendered_pixels_a_quarter_of_a_cell_away(image):
    sharp = 1 - image
    found = shifted_encode(Picking(), sharp, image)
    rows, columns = torch.meshgrid(torch.arange(4, 24, 8), torch.arange(2, 32, 4), indexing="ij")
    around = (
        image[:, rows - 2, columns]
        + image[:, rows + 2, columns]
        + image[:, rows, columns - 1]
        + image[:, rows, columns + 1]
    ) / 4
    expected = (sharp[:, rows, columns] + around) / 2
    torch.testing.assert_close(found, expected.permute(1, 2, 0))


def test_what_grows_evenly_stays_where_it_is(ramp):
    picture = ramp[:, :48, :36]
    torch.testing.assert_close(
        shifted_encode(Picking(), picture, picture), Picking().encode(picture[None])[0]
    )


def test_a_picture_moved_by_a_part_of_a_cell_is_answered_more_alike(image):
    """Random pixels: what one pixel alone says is worth nothing a pixel beside it."""
    moved = image.roll(1, dims=-1)
    alone = [Picking().encode(picture[None])[0][:, 1:-1] for picture in (image, moved)]
    shifted = [shifted_encode(Picking(), picture, picture)[:, 1:-1] for picture in (image, moved)]
    apart = [(a - b).square().mean() for a, b in (alone, shifted)]
    assert apart[1] < 0.4 * apart[0]


def test_a_picture_is_encoded_once_with_its_shifts_and_alone_where_cells_are_pixels(image):
    picking, pixels = Picking(), RgbOperator("rgb")
    shifted_encode(picking, image, image)
    assert picking.asked == [5]
    assert torch.equal(shifted_encode(pixels, image, 1 - image), image.permute(1, 2, 0))


def test_a_picture_smaller_than_a_cell_is_tall_enough_to_be_moved():
    picture = torch.rand(3, 8, 4)
    assert shifted_encode(Picking(), picture, picture).shape == (1, 1, 3)


def test_wrong_maps_are_refused(image):
    with pytest.raises(OperatorError, match=r"answered the shape \(5, 3, 8, 2\)"):
        shifted_encode(Wrong(), image, image)
