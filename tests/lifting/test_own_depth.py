"""Depth of a photograph from itself and those around it."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import load_network
from condense_ns.lifting.own_depth import own_depth
from tests.lifting.looking_views import (
    HEIGHT,
    PLACES,
    RANGE,
    WIDTH,
    photographs,
    sources,
    surfaces_of,
    views_at,
)


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return load_network().eval()


def error(found: torch.Tensor, given: SourceViews) -> float:
    true = surfaces_of(given.cameras)[0]
    known = found.isfinite()
    assert known.float().mean() > 0.9
    return float(((found - true).abs() / true)[known].mean())


def test_the_depth_of_a_plane(network):
    given = sources()
    assert error(own_depth(network, given, RANGE), given) < 0.03


def test_surfaces_of_the_others_make_it_better(network):
    given = sources()
    surfaces = surfaces_of(given.cameras)
    surfaces[0] = torch.inf
    helped = own_depth(network, replace(given, surfaces=surfaces), RANGE)
    assert error(helped, given) < 0.7 * error(own_depth(network, given, RANGE), given)


def test_a_photograph_alone_tells_nothing(network):
    assert own_depth(network, sources(1), RANGE).isinf().all()


def test_what_no_other_sees_is_not_known(network):
    """The other looks past the left of the first."""
    given = photographs(views_at([PLACES[0], (0.6, 0.1, 0.0)]))
    found = own_depth(network, given, RANGE)
    assert found[:, :3].isinf().all()
    assert found[2:-2, -6:].isfinite().all()


def test_masked_pixels_are_not_known(network):
    given = sources(3)
    valid = torch.ones(3, HEIGHT, WIDTH, dtype=torch.bool)
    valid[0, 8:20, 10:30] = False
    masked = replace(given, cameras=replace(given.cameras, valid=valid))
    found = own_depth(network, masked, RANGE)
    assert found[4:10, 5:15].isinf().all()
    assert found[12:, 17:].isfinite().all()


def test_odd_sizes(network):
    odd = sources(3).resized(37, 51)
    assert own_depth(network, odd, RANGE).shape == (19, 26)
