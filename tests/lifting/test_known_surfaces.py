"""Looks at sources whose surfaces are known."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import CERTAINTY, LiftingNetwork
from condense_ns.lifting.network_file import load_network
from condense_ns.lifting.view_rendering import RenderedView, render_features, render_picture
from tests.lifting.looking_views import (
    HEIGHT,
    RANGE,
    TARGET,
    WIDTH,
    photographs,
    plane_depths,
    sources,
    surfaces_of,
    views_at,
)

ROWS, COLUMNS = HEIGHT // 2, WIDTH // 2


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return load_network().eval()


def known(given: SourceViews) -> SourceViews:
    return replace(given, surfaces=surfaces_of(given.cameras))


def rendered(network: LiftingNetwork, given: SourceViews) -> RenderedView:
    return render_picture(network, network.look(TARGET, given, RANGE), HEIGHT, WIDTH)


def depth_error(view: RenderedView) -> float:
    true = plane_depths(TARGET)
    return float(((view.depth[..., 0] - true).abs() / true)[4:-4, 4:-4].mean())


def test_depth_is_better_with_true_surfaces(network):
    plain, helped = (rendered(network, given) for given in (sources(), known(sources())))
    assert depth_error(helped) < 0.5 * depth_error(plain)
    assert (helped.accumulation > 0.9)[4:-4, 4:-4].float().mean() > 0.95


def test_the_order_of_the_sources_does_not_matter(network):
    given, order = known(sources()), [3, 0, 4, 2, 1]
    first, second = (rendered(network, one) for one in (given, given[order]))
    # Candidates of cells one above the other have the same depth here, and rounding orders them anew: samples,
    # which are spread over half a plane around theirs, move within that.
    planes = network.look(TARGET, given, RANGE).proposal.planes
    assert (planes.index(first.depth) - planes.index(second.depth)).abs().max() < 0.5
    assert (first.rgb - second.rgb).abs().mean() < 1e-3


def test_the_scale_of_the_scene_does_not_matter(network):
    given = known(sources())
    assert given.surfaces is not None

    def larger(views):
        pose = views.world_to_camera_cv.clone()
        pose[:, :3, 3] *= 50
        return replace(views, world_to_camera_cv=pose)

    grown = SourceViews(larger(given.cameras), given.images, 50 * given.surfaces)
    look = network.look(larger(TARGET), grown, (50 * RANGE[0], 50 * RANGE[1]))
    found, expected = render_picture(network, look, 12, 16), network.look(TARGET, given, RANGE)
    expected = render_picture(network, expected, 12, 16)
    assert (found.rgb - expected.rgb).abs().mean() < 1e-2
    assert ((found.depth / 50 - expected.depth).abs() / expected.depth).quantile(0.9) < 1e-3


def test_surfaces_of_which_nothing_is_known_hide_nothing(network):
    given = sources()
    blind = replace(given, surfaces=torch.full((len(given), ROWS, COLUMNS), torch.inf))
    look = network.look(TARGET, blind, RANGE)
    samples = network.sample(look, torch.tensor([[0.3, 0.4], [0.7, 0.6]]))
    assert (samples.seen.hidden == 0).all()
    assert depth_error(rendered(network, blind)) < 0.1


def test_a_source_that_sees_something_nearer_has_no_say(network):
    """Something hangs before the first source alone, and its surface says so."""
    given = known(sources(4))
    assert given.surfaces is not None
    images, surfaces = given.images.clone(), given.surfaces.clone()
    images[0], surfaces[0] = 1.0, 1.0
    given = SourceViews(given.cameras, images, surfaces)
    samples = network.sample(network.look(TARGET, given, RANGE), torch.tensor([[0.45, 0.5]]))
    assert samples.seen.hidden[0].min() > 0.9  # at depth 3, two thirds behind, times the certainty
    assert samples.by_source.weights[0] < 1e-3
    assert CERTAINTY * 2 / 3 > 1


def test_all_sources_carry_surfaces_and_the_leading_ones_make_the_picture(network):
    places = [(0.05 * at - 0.25, 0.02 * (at % 3), 0.0) for at in range(11)]
    given = known(photographs(views_at(places, 0.2)))
    look = network.look(TARGET, given, RANGE)
    assert len(look.candidates.index) == len(look.refined.log_probabilities) + 11
    assert len(look.leading.nearest) == 8
    maps = torch.ones(11, 6, 8, 2)
    found = render_features(network, look, maps, (6, 8))
    torch.testing.assert_close(found, torch.ones(6, 8, 2), atol=1e-4, rtol=0)


def test_surfaces_go_with_their_photographs():
    given = known(sources(4))
    assert given.surfaces is not None
    some = given[[2, 0]]
    assert some.surfaces is not None
    assert torch.equal(some.surfaces, given.surfaces[[2, 0]])
    smaller = given.resized(24, 32)
    assert smaller.surfaces is given.surfaces
    assert sources(2)[[1]].surfaces is None
