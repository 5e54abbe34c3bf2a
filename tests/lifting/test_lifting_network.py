"""What holds for lift3d's network whatever its weights are."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.feature_blending import feature_maps
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.view_rendering import render_features, render_picture
from tests.lifting.looking_views import RANGE, TARGET, sources, views_at
from tests.lifting.random_network import random_network

GRID = (6, 8)


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return random_network().eval()


def some_maps(channels, count=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *GRID, channels, generator=generator)


def lifted(network, maps, given=None, corrected=True):
    given = sources(len(maps)) if given is None else given
    look = network.look(TARGET, given, RANGE)
    return render_features(network, look, maps, GRID, corrected)


def picked(given, order):
    return SourceViews(given.cameras[order], given.images[order])


@pytest.mark.parametrize("channels", [1, 3, 21, 64, 384, 1280])
@pytest.mark.parametrize("corrected", [True, False])
def test_one_network_lifts_features_of_any_width(network, channels, corrected):
    found = lifted(network, some_maps(channels), corrected=corrected)
    assert found.shape == (*GRID, channels)
    assert found.isfinite().all()


def test_no_weight_has_the_size_of_a_feature_or_a_scene(network):
    sizes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert sizes == {
        name: tuple(value.shape) for name, value in LiftingNetwork(32, 9).state_dict().items()
    }


def test_permuting_channels_permutes_the_answer(network):
    maps, order = some_maps(12), torch.randperm(12, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(
        lifted(network, maps[..., order]), lifted(network, maps)[..., order], atol=1e-5, rtol=1e-5
    )


def rotation(channels):
    return torch.linalg.qr(
        torch.randn(channels, channels, generator=torch.Generator().manual_seed(3))
    )[0]


def test_rotating_channels_rotates_the_answer(network):
    maps, turned = some_maps(16), rotation(16)
    plain = lifted(network, maps, corrected=False) @ turned
    torch.testing.assert_close(
        lifted(network, maps @ turned, corrected=False), plain, atol=1e-5, rtol=1e-5
    )
    corrected = (
        lifted(network, maps) @ turned
    )  # the descriptor of channels is not quite blind to it
    assert (lifted(network, maps @ turned) - corrected).abs().mean() < 0.05 * corrected.abs().mean()


def test_without_the_descriptor_the_corrector_commutes_with_rotations(network):
    maps, turned = some_maps(16), rotation(16)
    look = network.look(TARGET, sources(), RANGE)
    samples = network.sample(look, torch.rand(20, 2))
    blank = torch.zeros(5, *GRID, 16)
    found = network.features(samples, feature_maps(maps @ turned), blank)
    expected = network.features(samples, feature_maps(maps), blank) @ turned
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_shifting_and_scaling_features_does_the_same_to_the_answer(network):
    maps, shift = some_maps(7), torch.arange(7.0)
    torch.testing.assert_close(
        lifted(network, 3 * maps + shift), 3 * lifted(network, maps) + shift, atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("corrected", [True, False])
def test_the_answer_lies_between_those_of_the_sources(network, corrected):
    maps = some_maps(4)
    found = lifted(network, maps, corrected=corrected)
    lowest, highest = maps.amin(dim=(0, 1, 2)), maps.amax(dim=(0, 1, 2))
    assert ((found >= lowest - 1e-5) & (found <= highest + 1e-5)).all()
    constant = torch.ones_like(maps) * torch.arange(4.0)
    torch.testing.assert_close(
        lifted(network, constant), constant[0], atol=1e-4, rtol=1e-4
    )  # weights sum to one


def test_the_order_of_the_sources_does_not_matter(network):
    maps, order = some_maps(5), [3, 0, 4, 2, 1]
    given = sources()
    torch.testing.assert_close(
        lifted(network, maps[order], picked(given, order)),
        lifted(network, maps),
        atol=2e-4,
        rtol=1e-3,
    )


def scaled(views: PinholeViews, factor: float) -> PinholeViews:
    pose = views.world_to_camera_cv.clone()
    pose[:, :3, 3] *= factor
    return replace(views, world_to_camera_cv=pose)


def test_neither_the_scale_of_the_scene_nor_its_origin_matters(network):
    given, maps = sources(), some_maps(3)
    look = network.look(TARGET, given, RANGE)
    picture = render_picture(network, look, 12, 16)
    moved = torch.linalg.inv(views_at([(0.7, -0.2, 0.4)], turn=0.9).world_to_camera_cv)

    def changed(views: PinholeViews) -> PinholeViews:
        return scaled(replace(views, world_to_camera_cv=views.world_to_camera_cv @ moved), 50.0)

    again = network.look(
        changed(TARGET), SourceViews(changed(given.cameras), given.images), (75.0, 400.0)
    )
    other = render_picture(network, again, 12, 16)
    features = [render_features(network, one, maps, GRID) for one in (again, look)]
    for found, expected in (
        (other.rgb, picture.rgb),
        (other.depth / 50, picture.depth),
        tuple(features),
    ):  # rounding may put a point of the surface into the next cell of a source
        apart = (found - expected).abs()
        assert apart.quantile(0.9) < 1e-3
        assert apart.mean() < 1e-2


def test_nothing_is_rendered_where_no_source_looks(network):
    given = sources(3)
    away = PinholeViews(
        given.cameras.intrinsics, torch.diag(torch.tensor([-1.0, 1, -1, 1])).repeat(3, 1, 1), 48, 64
    )
    look = network.look(TARGET, SourceViews(away, given.images), RANGE)
    picture = render_picture(network, look, 6, 8)
    assert (picture.accumulation == 0).all()
    assert (picture.rgb == 0).all()
    assert (render_features(network, look, some_maps(5, 3), GRID) == 0).all()


def test_a_source_that_looks_away_changes_nothing_but_counts(network):
    given, maps = sources(3), some_maps(4, 4)
    away = torch.diag(torch.tensor([-1.0, 1, -1, 1]))[None]
    more = SourceViews(
        replace(
            given.cameras,
            intrinsics=torch.cat([given.cameras.intrinsics, given.cameras.intrinsics[:1]]),
            world_to_camera_cv=torch.cat([given.cameras.world_to_camera_cv, away]),
        ),
        torch.cat([given.images, given.images[:1]]),
    )
    look = network.look(TARGET, more, RANGE)
    features = feature_maps(maps)
    samples = network.sample(look, torch.rand(30, 2))
    weights = network.source_weights(samples, features, network.blender.describe(features))
    assert (weights[3] == 0).all()
    assert not samples.seen.inside[3].any()


def test_one_source_is_enough(network):
    found = lifted(network, some_maps(3, 1))
    assert found.isfinite().all()
    picture = render_picture(network, network.look(TARGET, sources(1), RANGE), 6, 8)
    assert picture.rgb.isfinite().all()
    assert picture.rgb.max() > 0


def test_a_source_given_twice_changes_little(network):
    given = sources()
    twice = picked(given, [0, 1, 2, 3, 4, 0])
    maps = some_maps(5)
    once = lifted(network, maps)
    apart = (lifted(network, maps[[0, 1, 2, 3, 4, 0]], twice) - once).abs().mean()
    assert apart < 0.5 * once.std()


def test_depth_is_between_the_planes_and_weights_are_shares(network):
    look = network.look(TARGET, sources(), RANGE)
    samples = network.sample(look, torch.rand(50, 2))
    assert (samples.depths >= RANGE[0] * 0.9).all()
    assert (samples.depths <= RANGE[1] * 1.6).all()
    assert (samples.depths.diff(dim=1) >= 0).all()
    assert ((samples.opacity >= 0) & (samples.opacity <= 1 + 1e-6)).all()
    total = look.proposal.log_probabilities.exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_what_sources_give_blends_to_the_colours(network):
    look = network.look(TARGET, sources(4), RANGE)
    samples = network.sample(look, torch.rand(50, 2, generator=torch.Generator().manual_seed(0)))
    given = samples.by_source
    torch.testing.assert_close(given.blended, samples.colours)
    torch.testing.assert_close(given.lit, (samples.opacity > 0).float())
    assert given.seen.amax() <= 1 + 1e-6
    assert (given.angles >= -1e-6).all()
    assert torch.equal(given.spreads[0], given.spreads[-1])


def test_images_need_not_be_whole_cells(network):
    given = sources(3)
    odd = SourceViews(given.cameras.resized(37, 51), torch.rand(3, 3, 37, 51))
    look = network.look(TARGET.resized(45, 50), odd, RANGE)
    assert render_picture(network, look, 45, 50).rgb.isfinite().all()
