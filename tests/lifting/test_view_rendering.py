"""Whole views are what their rays are, however many are rendered at a time."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.pinhole import grid_places
from condense_ns.lifting import view_rendering
from condense_ns.lifting.feature_blending import feature_maps
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.source_shares import whole_picture
from condense_ns.lifting.view_rendering import WITHIN_CELL, render_features, render_picture
from tests.lifting.looking_views import RANGE, TARGET, sources

GRID = (5, 7)


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    """Random weights, and none of them zero."""
    torch.manual_seed(0)
    network = LiftingNetwork(planes=12, samples=3).requires_grad_(False)
    for parameter in network.parameters():
        parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval()


@pytest.fixture(scope="module")
def look(network: LiftingNetwork) -> Look:
    return network.look(TARGET, sources(3), RANGE)


def some_maps(channels):
    return torch.randn(3, *GRID, channels, generator=torch.Generator().manual_seed(0))


def test_a_picture_is_made_of_its_rays(network, look):
    picture = render_picture(network, look, 9, 11)
    assert picture.rgb.shape == (9, 11, 3)
    assert picture.depth.shape == picture.accumulation.shape == (9, 11, 1)
    given = network.sample(look, grid_places(9, 11)).by_source
    torch.testing.assert_close(picture.rgb, network.picture(whole_picture([given], 9, 11)))
    samples = network.sample(look, grid_places(9, 11)[40:44])
    torch.testing.assert_close(picture.depth.flatten()[40:44], samples.surface_depth)
    torch.testing.assert_close(picture.accumulation.flatten()[40:44], samples.opacity)


@pytest.mark.parametrize("chunk", [7, 99, 100000])
def test_the_number_of_rays_at_a_time_does_not_matter(network, look, chunk):
    expected, found = (render_picture(network, look, 9, 11, size) for size in (8192, chunk))
    for name in ("rgb", "depth", "accumulation"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("numbers", [1, 40 * 3 * 3 * 6])
@pytest.mark.parametrize("with_own", [True, False])
def test_features_do_not_depend_on_it_either(
    network, look, corrected, numbers, with_own, monkeypatch
):
    maps = some_maps(6)
    own = torch.randn(8, 9, 6, generator=torch.Generator().manual_seed(1)) if with_own else None
    expected = render_features(network, look, maps, (8, 9), corrected, own)
    monkeypatch.setattr(view_rendering, "CHUNK_NUMBERS", numbers)
    found = render_features(network, look, maps, (8, 9), corrected, own)
    assert found.shape == (8, 9, 6)
    torch.testing.assert_close(found, expected)


def test_wide_features_are_rendered_fewer_rays_at_a_time(network, look, monkeypatch):
    asked = []
    sample = LiftingNetwork.sample

    def counted(self, look, places, count):
        asked.append(len(places) // len(WITHIN_CELL))
        return sample(self, look, places, count)

    monkeypatch.setattr(LiftingNetwork, "sample", counted)
    monkeypatch.setattr(view_rendering, "CHUNK_NUMBERS", 40 * 3 * network.samples * 8)
    render_features(network, look, some_maps(8), (10, 10))
    assert asked == [40, 40, 20]
    asked.clear()
    render_features(network, look, some_maps(16), (10, 10))
    assert asked == [32, 32, 32, 4]  # never fewer than 32


@pytest.mark.parametrize("corrected", [True, False])
@pytest.mark.parametrize("with_own", [True, False])
def test_features_are_means_over_rays_of_their_cells(network, look, corrected, with_own):
    maps, own = some_maps(4), torch.randn(8, 9, 4) if with_own else None
    features = feature_maps(maps)
    described = network.blender.describe(features) if corrected else None
    expected = torch.zeros(8 * 9, 4)
    for right, down in WITHIN_CELL:
        places = grid_places(8, 9) + torch.tensor([right / 9, down / 8])
        samples = network.sample(look, places, network.samples // 2)
        of_rays = None if own is None else own.flatten(0, 1)
        expected += network.features(samples, features, described, of_rays) / len(WITHIN_CELL)
    found = render_features(network, look, maps, (8, 9), corrected, own)
    torch.testing.assert_close(found.flatten(0, 1), expected)
    assert not found.requires_grad


def test_rays_that_nothing_sees_are_left_out_of_the_mean(network, look):
    features, samples = feature_maps(some_maps(4)), network.sample(look, grid_places(3, 2))
    described = network.blender.describe(features)
    apart = network.features(samples, features, described)
    seen = torch.tensor([True, False, True, False, False, False])
    partly = replace(samples, weights=torch.where(seen[:, None], samples.weights, 0.0))
    together = network.features(partly, features, described, together=3)
    torch.testing.assert_close(together[0], apart[[0, 2]].mean(dim=0))
    assert (together[1] == 0).all()


def test_a_cells_rays_lie_within_it_and_around_its_centre():
    places = torch.tensor(WITHIN_CELL)
    assert (places.abs() < 0.5).all()
    torch.testing.assert_close(places.mean(dim=0), torch.zeros(2))
    for axis in (0, 1):
        assert len(places[:, axis].unique()) == len(places)


def test_they_are_nearer_to_the_mean_over_the_cell_than_its_middle_ray_is(network, look):
    maps = torch.randn(3, 24, 32, 4, generator=torch.Generator().manual_seed(0))
    features, fine = feature_maps(maps), (12 * 6, 16 * 6)
    described = network.blender.describe(features)

    def rays(rows, columns):
        samples = network.sample(look, grid_places(rows, columns))
        return network.features(samples, features, described).reshape(rows, columns, 4)

    whole = rays(*fine).unflatten(1, (16, 6)).unflatten(0, (12, 6)).mean(dim=(1, 3))
    found = render_features(network, look, maps, (12, 16))
    apart = [(one - whole).square().mean() for one in (found, rays(12, 16))]
    assert apart[0] < 0.6 * apart[1]
