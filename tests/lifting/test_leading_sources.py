"""The first sources make depth and picture; all lend their features."""

import pytest
import torch

from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import LEADING, LiftingNetwork
from condense_ns.lifting.view_rendering import render_features, render_picture
from tests.lifting.looking_views import PLACES, RANGE, TARGET, photographs, views_at
from tests.lifting.random_network import random_network

COUNT = LEADING + 3
GRID = (6, 8)


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return random_network().eval()


@pytest.fixture(scope="module")
def many() -> SourceViews:
    nearer = [(0.7 * x, 0.6 * y, 0.5 * z - 0.05) for x, y, z in PLACES]
    further = [(1.2 * x, -y, z) for x, y, z in PLACES]
    return photographs(views_at([*PLACES, *nearer, *further][:COUNT], 0.2))


def test_pictures_and_depth_come_from_the_leading_sources(network, many):
    looks = [network.look(TARGET, some, RANGE) for some in (many, many[slice(LEADING)])]
    first = [look.refined.first for look in looks]  # all share the brightness that is taken out
    torch.testing.assert_close(first[0], first[1], atol=0.02, rtol=0)
    found, expected = (render_picture(network, look, 12, 16) for look in looks)
    torch.testing.assert_close(found.rgb, expected.rgb, atol=2e-3, rtol=0)
    torch.testing.assert_close(found.depth, expected.depth, atol=0, rtol=2e-3)


def test_the_others_lend_their_features(network, many):
    look = network.look(TARGET, many, RANGE)
    maps = torch.zeros(COUNT, *GRID, 1)
    maps[LEADING:] = 1.0
    lent = render_features(network, look, maps, GRID)
    assert 0.02 < lent.mean() < 0.9
    few = render_features(network, look.leading, maps[:LEADING], GRID)
    assert (few == 0).all()


def test_a_look_at_few_sources_leads_itself(network, many):
    look = network.look(TARGET, many[slice(LEADING)], RANGE)
    assert look.leading is look


def test_the_order_of_those_that_lend_does_not_matter(network, many):
    maps = torch.randn(COUNT, *GRID, 4, generator=torch.Generator().manual_seed(0))
    order = [*range(LEADING), *reversed(range(LEADING, COUNT))]
    expected = render_features(network, network.look(TARGET, many, RANGE), maps, GRID)
    look = network.look(TARGET, many[order], RANGE)
    found = render_features(network, look, maps[order], GRID)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
