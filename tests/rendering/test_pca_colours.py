"""Colours that hold still: fixed directions, signs and range."""

import numpy as np
import pytest
import torch

from condense_ns.rendering.pca_colours import fit_pca_colours, pca_colours


def sample(channels, count=500):
    generator = torch.Generator().manual_seed(0)
    spread = torch.arange(channels, 0, -1.0) ** 2
    turned, _ = torch.linalg.qr(torch.randn(channels, channels, generator=generator))
    return (torch.randn(count, channels, generator=generator) * spread) @ turned + 5


def test_directions_are_numpys_with_the_largest_entry_positive():
    features = sample(6)
    basis, limits = fit_pca_colours(features)
    centred = features.double().numpy()
    centred = centred - centred.mean(axis=0)
    expected = np.linalg.svd(centred, full_matrices=False)[2][:3].T
    expected *= np.sign(expected[np.abs(expected).argmax(axis=0), range(3)])
    np.testing.assert_allclose(basis, expected, atol=1e-4)
    np.testing.assert_allclose(
        limits, np.quantile(centred @ expected, [0.01, 0.99], axis=0), atol=1e-3
    )


def test_colours_run_linearly_from_the_low_to_the_high_limit():
    basis, limits = torch.eye(4, 3), torch.tensor([[-1.0, 0.0, -2.0], [1.0, 4.0, 2.0]])
    features = torch.tensor(
        [[10.0, 10, 10, 0], [11, 14, 12, 9], [10.5, 11, 9, 0], [99, -99, 10, 0]]
    )
    found = pca_colours(features, torch.tensor([10.0, 10, 10, 0]), basis, limits)
    expected = [[0.5, 0, 0.5], [1, 1, 1], [0.75, 0.25, 0.25], [1, 0, 0.5]]
    assert torch.allclose(found, torch.tensor(expected))


def test_the_same_features_in_another_order_get_the_same_colours():
    features = sample(6)
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(1))
    first, second = fit_pca_colours(features), fit_pca_colours(features[order])
    for one, other in zip(first, second, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    again = fit_pca_colours(features)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_an_image_of_features_becomes_an_image_of_colours():
    features = sample(6, 20)
    basis, limits = fit_pca_colours(features)
    colours = pca_colours(features.reshape(4, 5, 6), features.mean(dim=0), basis, limits)
    assert colours.shape == (4, 5, 3)
    assert ((colours >= 0) & (colours <= 1)).all()


@pytest.mark.parametrize("channels", [1, 2])
def test_fewer_than_three_channels_leave_the_other_colours_flat(channels):
    features = sample(channels)
    basis, limits = fit_pca_colours(features)
    assert basis.shape == (channels, 3)
    assert (basis[:, channels:] == 0).all()
    assert (limits[1] > limits[0]).all()
    colours = pca_colours(features, features.mean(dim=0), basis, limits)
    assert colours.isfinite().all()
    assert (colours[:, :channels].amax(dim=0) == 1).all()
    assert (colours[:, channels:] == colours[0, channels:]).all()


@pytest.mark.parametrize("features", [torch.ones(50, 4), torch.ones(1, 4) * 3e4])
def test_constant_features_get_one_finite_colour(features):
    basis, limits = fit_pca_colours(features)
    assert (limits[1] > limits[0]).all()
    colours = pca_colours(features, features.mean(dim=0), basis, limits)
    assert colours.isfinite().all()


def test_a_few_huge_outliers_do_not_make_the_range_empty():
    features = torch.zeros(1000, 4)
    features[:5] = 1e5
    basis, limits = fit_pca_colours(features)
    assert (limits[1] > limits[0]).all()
    assert pca_colours(features, features.mean(dim=0), basis, limits).isfinite().all()
