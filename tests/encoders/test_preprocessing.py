"""From an image to the input of a network and back to the grid of the image."""

import pytest
import torch

from condense_ns.encoders.base import EncoderError
from condense_ns.encoders.preprocessing import (
    feature_map_from_output,
    grid_within,
    normalise,
    pad_bottom_right,
    patch_grid,
    resize_to_grid,
)


@pytest.mark.parametrize(
    ("size", "most", "grid"),
    [
        ((480, 270), (80, 80), (80, 45)),  # a portrait fills the height
        ((270, 480), (80, 80), (45, 80)),
        ((100, 100), (6, 8), (6, 6)),
        ((33, 100), (10, 10), (3, 10)),
        ((1, 1000), (10, 10), (1, 10)),  # never less than one cell
    ],
)
def test_grid_keeps_the_shape_of_the_image(size, most, grid):
    assert grid_within(*size, *most) == grid


def test_longest_side_is_rounded_down_to_the_patch():
    assert patch_grid(480, 640, patch_size=14, image_size=520) == (28, 37)
    with pytest.raises(EncoderError, match="image_size 13 is smaller than one patch of 14"):
        patch_grid(480, 640, patch_size=14, image_size=13)


def test_sides_are_multiples_of_the_step():
    assert patch_grid(480, 640, patch_size=4, image_size=520, step=32) == (96, 128)
    assert patch_grid(100, 640, patch_size=1, image_size=100, step=32) == (32, 96)
    with pytest.raises(
        EncoderError, match="image_size 31 is smaller than the smallest image of 32"
    ):
        patch_grid(480, 640, patch_size=4, image_size=31, step=32)


def test_resizing_by_two_averages_and_by_one_does_nothing():
    image = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert resize_to_grid(image, (2, 2), 8) is image
    half = resize_to_grid(image, (1, 1), 8)
    assert half.shape == (1, 3, 8, 8)
    # The triangle of the low-pass filter has the weights 1 3 3 1 over 8.
    weights = torch.tensor([1.0, 3, 3, 1]) / 8
    expected = (image[0, 0, 3:7, 3:7] * weights[:, None] * weights).sum()
    torch.testing.assert_close(half[0, 0, 2, 2], expected)


def test_padding_repeats_the_border_and_is_cut_off_again():
    image = torch.arange(6.0).reshape(1, 1, 2, 3).expand(1, 3, 2, 3)
    padded = pad_bottom_right(image, 3, 5)
    assert padded[0, 0].tolist() == [[0, 1, 2, 2, 2], [3, 4, 5, 5, 5], [3, 4, 5, 5, 5]]
    assert pad_bottom_right(image, 2, 3) is image
    features = feature_map_from_output(padded, (2, 3))
    assert torch.equal(features, image.permute(0, 2, 3, 1))


def test_colours_are_shifted_and_scaled():
    colours = torch.tensor([0.5, 0.6, 0.7]).view(1, 3, 1, 1)
    normal = normalise(colours, (0.5, 0.5, 0.5), (0.1, 0.2, 0.4))
    torch.testing.assert_close(normal.flatten(), torch.tensor([0.0, 0.5, 0.5]))
