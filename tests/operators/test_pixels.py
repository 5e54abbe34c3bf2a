"""Maps at the pixels of their images."""

import pytest
import torch

from condense_ns.geometry.interpolation import sample_map
from condense_ns.operators import pixels
from condense_ns.operators.pixels import at_pixels, scored_at_pixels


def test_two_cells_over_four_pixels():
    row = torch.tensor([0.0, 1.0]).view(1, 2, 1)
    assert at_pixels(row, 1, 4)[0, :, 0].tolist() == [0.0, 0.25, 0.75, 1.0]


@pytest.mark.parametrize("size", [(7, 11), (5, 3), (5, 20), (2, 2)])
def test_pixels_are_where_the_convention_says(size):
    feature_map = torch.rand(5, 3, 4)
    centres = torch.cartesian_prod(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5)
    expected = sample_map(feature_map, centres.flip(-1), size)
    torch.testing.assert_close(at_pixels(feature_map, *size).flatten(0, 1), expected)


def test_bands_change_nothing(monkeypatch):
    feature_map = torch.rand(5, 7, 6)

    def norms(features):
        return torch.linalg.vector_norm(features, dim=-1, keepdim=True)

    expected = norms(at_pixels(feature_map, 33, 40))
    for values in (1, 3 * 40 * 6, 1 << 20):
        monkeypatch.setattr(pixels, "BAND_VALUES", values)
        torch.testing.assert_close(scored_at_pixels(feature_map, 33, 40, norms), expected)
