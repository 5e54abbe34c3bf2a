"""Answers of the sources at pixels of a target, mixed much as their colours are, many times faster."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.pinhole import grid_places
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.network_file import SHIPPED, load_network
from condense_ns.lifting.view_rendering import render_answers, render_picture
from tests.lifting.looking_views import HEIGHT, RANGE, TARGET, WIDTH, sources


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return load_network(SHIPPED).eval()


@pytest.fixture(scope="module")
def look(network) -> Look:
    return network.look(TARGET, sources(4), RANGE)


@pytest.fixture(scope="module")
def depth(network, look) -> torch.Tensor:
    return render_picture(network, look, HEIGHT, WIDTH).depth[..., 0]


def photographs(look: Look, times: int = 1) -> torch.Tensor:
    """What the sources show, as answers."""
    shown = look.maps.images[..., :HEIGHT, :WIDTH]
    return F.interpolate(shown, scale_factor=times, mode="bilinear").movedim(1, 3).contiguous()


def test_they_are_mixed_much_as_colours_of_all_samples_are(network, look, depth):
    slow = network.sample(look, grid_places(HEIGHT, WIDTH)).colours.reshape(HEIGHT, WIDTH, 3)
    fast = render_answers(network, look, photographs(look), depth)
    assert fast.shape == slow.shape
    assert (fast - slow).abs().mean() < 0.1 * slow.std()


def test_sources_that_say_the_same_are_repeated(network, look, depth):
    given = torch.tensor([0.2, -3.0]).expand(4, HEIGHT, WIDTH, 2).contiguous()
    found = render_answers(network, look, given, depth)
    torch.testing.assert_close(found, given[0])


def test_sources_count_by_the_roots_of_their_weights(network, look, depth):
    """Each source says its own number, so that the answer is its share."""
    given = torch.eye(4)[:, None, None].expand(-1, HEIGHT, WIDTH, -1).contiguous()
    found = render_answers(network, look, given, depth)
    weights = network.sample(look, grid_places(HEIGHT, WIDTH)).by_source.weights
    roots = weights.clamp_min(0).sqrt()
    slow = (roots / roots.sum(dim=0)).T.reshape(HEIGHT, WIDTH, 4)
    plain = (weights / weights.sum(dim=0)).T.reshape(HEIGHT, WIDTH, 4)
    assert (found - slow).abs().mean() < 0.03
    assert (found - slow).abs().mean() < 0.75 * (found - plain).abs().mean()


def test_they_lie_between_those_of_the_sources(network, look, depth):
    levels = torch.rand(4, 1, 1, 3, generator=torch.Generator().manual_seed(0))
    found = render_answers(network, look, levels.expand(-1, HEIGHT, WIDTH, -1).contiguous(), depth)
    least, most = levels.amin(dim=0) - 1e-5, levels.amax(dim=0) + 1e-5
    assert ((found >= least) & (found <= most)).all()
    assert (found.flatten(0, 1).std(dim=0) > 1e-3).all()  # every pixel has weights of its own


def test_larger_answers_are_mixed_at_their_own_size(network, look, depth):
    small, large = (render_answers(network, look, photographs(look, n), depth) for n in (1, 3))
    assert large.shape == (3 * HEIGHT, 3 * WIDTH, 3)
    pooled = F.avg_pool2d(large.movedim(2, 0), 3).movedim(0, 2)
    assert (pooled - small).abs().mean() < 0.05


def test_masked_pixels_are_not_mixed_in(network, look, depth):
    valid = torch.ones(4, HEIGHT, WIDTH, dtype=torch.bool)
    valid[0, :, : WIDTH // 2] = False
    seen = sources(4)
    cameras = replace(seen.cameras, valid=valid)
    masked = network.look(TARGET, SourceViews(cameras, seen.images), RANGE)
    given = torch.ones(4, HEIGHT, WIDTH, 1)
    given[0, :, : WIDTH // 2] = 1e4
    found = render_answers(network, masked, given, depth)
    torch.testing.assert_close(found, torch.ones_like(found))


def test_nothing_comes_of_pixels_that_no_source_sees(network, look, depth):
    away = replace(sources(2).cameras, world_to_camera_cv=torch.eye(4).repeat(2, 1, 1))
    away.world_to_camera_cv[:, 2, 3] = -100.0  # behind the cameras
    blind = network.look(TARGET, SourceViews(away, sources(2).images), RANGE)
    found = render_answers(network, blind, torch.ones(2, HEIGHT, WIDTH, 1), depth)
    assert (found == 0).all()


def test_nothing_comes_of_pixels_without_depth(network, look, depth):
    known = depth.clone()
    known[:, :20] = 0
    found = render_answers(network, look, photographs(look), known)
    assert (found[:, :20] == 0).all()
    torch.testing.assert_close(
        found[:, 20:], render_answers(network, look, photographs(look), depth)[:, 20:]
    )
