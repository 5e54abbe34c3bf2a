"""The rendered picture's map tells which sources to believe."""

import math

import pytest
import torch

from condense_ns.lifting.feature_blending import BELIEF, believed, feature_maps
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.view_rendering import render_features
from tests.lifting.looking_views import RANGE, TARGET, sources
from tests.lifting.random_network import random_network

GRID = (6, 8)


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return random_network().eval()


def some_maps(channels=12, count=5, seed=1):
    return torch.randn(count, *GRID, channels, generator=torch.Generator().manual_seed(seed))


def lifted(network, maps, own=None, corrected=False):
    look = network.look(TARGET, sources(len(maps)), RANGE)
    return render_features(network, look, maps, GRID, corrected, own)


def test_two_sources_by_hand():
    weights = torch.tensor([[[0.4, 0.0]], [[0.2, 0.6]], [[0.0, 0.0]]])
    found = believed(weights, torch.tensor([[1.0], [0.0], [1.0]]))
    first = 0.4 * math.exp(BELIEF)
    expected = torch.tensor([[[0.6 * first / (first + 0.2), 0.0]], [[0.0, 0.6]], [[0.0, 0.0]]])
    expected[1, 0, 0] = 0.6 - expected[0, 0, 0]
    torch.testing.assert_close(found, expected)


def test_sources_that_are_all_alike_keep_their_weights():
    weights = torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(believed(weights, torch.full((3, 4), -0.7)), weights)


def test_nothing_comes_of_samples_that_no_source_sees():
    found = believed(torch.zeros(3, 4, 2), torch.rand(3, 4))
    assert (found == 0).all()


def test_likeness_is_the_cosine_without_the_mean():
    maps = torch.tensor([[3.0, 1.0], [1.0, 3.0]]).reshape(2, 1, 1, 2) + 7
    own = torch.tensor([[10.0, 8.0], [9.0, 9.0], [4.0, 14.0]])
    features = feature_maps(maps)
    found = features.likeness(torch.full((2, 3, 2), 0.5), own)
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0, -1.0], [-1.0, 0.0, 1.0]]))


def test_masked_cells_are_not_in_the_mean_that_likeness_leaves_out():
    maps = some_maps(4, 2)
    valid = torch.ones(2, 12, 16, dtype=torch.bool)
    valid[:, :, :8] = False
    features = feature_maps(maps.clone().index_fill_(2, torch.arange(4), 1e3), valid)
    torch.testing.assert_close(features.mean, maps[:, :, 4:].mean(dim=(0, 1, 2)))


@pytest.mark.parametrize("corrected", [True, False])
def test_the_answer_lies_between_those_of_the_sources_and_nearer_to_the_picture_s(
    network, corrected
):
    maps, own = some_maps(), some_maps(count=1, seed=2)[0]
    plain, found = lifted(network, maps, None, corrected), lifted(network, maps, own, corrected)
    least, most = maps.amin(dim=(0, 1, 2)), maps.amax(dim=(0, 1, 2))
    assert ((found >= least - 1e-4) & (found <= most + 1e-4)).all()
    assert (found - own).square().mean() < (plain - own).square().mean()


def test_rotating_channels_rotates_the_answer(network):
    maps, own = some_maps(), some_maps(count=1, seed=2)[0]
    turned = torch.linalg.qr(torch.randn(12, 12, generator=torch.Generator().manual_seed(3)))[0]
    expected = lifted(network, maps, own) @ turned
    found = lifted(network, maps @ turned, own @ turned)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 64])
def test_features_of_any_width_are_compared(network, channels):
    found = lifted(network, some_maps(channels), some_maps(channels, 1, seed=2)[0])
    assert found.shape == (*GRID, channels)
    assert found.isfinite().all()


def test_a_picture_that_says_nothing_leaves_the_answer_as_it_was(network):
    maps = some_maps()
    own = maps.mean(dim=(0, 1, 2)).expand(*GRID, -1).contiguous()
    torch.testing.assert_close(lifted(network, maps, own), lifted(network, maps))
