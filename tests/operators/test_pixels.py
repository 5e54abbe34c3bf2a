"""Maps at the pixels of their images."""

import torch

from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators import pixels
from condense_ns.operators.pixels import scored_at_pixels


def test_bands_change_nothing(monkeypatch):
    feature_map = torch.rand(5, 7, 6)

    def norms(features):
        return torch.linalg.vector_norm(features, dim=-1, keepdim=True)

    expected = norms(on_grid(feature_map, 33, 40))
    for values in (1, 3 * 40 * 6, 1 << 20):
        monkeypatch.setattr(pixels, "BAND_VALUES", values)
        torch.testing.assert_close(scored_at_pixels(feature_map, 33, 40, norms), expected)
