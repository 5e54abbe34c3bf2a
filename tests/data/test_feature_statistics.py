"""Statistics of features."""

import pytest
import torch

from condense_ns.data.feature_statistics import feature_statistics
from condense_ns.rendering.pca_colours import pca_colours


def test_two_features_by_hand():
    found = feature_statistics(torch.tensor([[1.0, 5.0], [3.0, 5.0]]), "ab")
    assert found.fingerprint == "ab"
    assert found.mean.tolist() == [2.0, 5.0]
    assert found.scale == pytest.approx((0.5) ** 0.5)  # mean of 1, 1, 0, 0, and its root
    assert found.channels == 2
    assert found.pca_basis.tolist() == [[1, 0, 0], [0, 1, 0]]


def test_standardised_features_have_unit_variance_over_all_channels():
    generator = torch.Generator().manual_seed(0)
    features = 40 + 9 * torch.randn(500, 6, generator=generator)
    found = feature_statistics(features, "ab")
    standardised = (features - found.mean) / found.scale
    assert standardised.mean().abs() < 1e-4
    assert standardised.square().mean().item() == pytest.approx(1.0, abs=1e-4)
    colours = pca_colours(features, found.mean, found.pca_basis, found.pca_range)
    assert colours.shape == (500, 3)


def test_constant_features_have_a_scale_to_divide_by():
    assert feature_statistics(torch.full((9, 4), 3.0), "ab").scale > 0
