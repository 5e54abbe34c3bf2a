"""What masks leave out of photographs says nothing: neither to what is lifted nor to what is learned."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.source_views import SourceViews
from condense_ns.geometry.valid_pixels import filled, telling_cells
from condense_ns.lifting.feature_blending import feature_maps
from condense_ns.lifting.lift_training import LiftTraining, example_losses
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.view_rendering import render_features, render_picture
from tests.lifting.looking_views import HEIGHT, RANGE, TARGET, WIDTH, sources
from tests.lifting.plane_example import plane_example
from tests.lifting.random_network import random_network

GRID = (6, 8)
TRAINING = LiftTraining(window=(32, 40), rays=64, feature_rays=24, picture_side=20)


@pytest.fixture(scope="module")
def network() -> LiftingNetwork:
    return random_network().eval()


def masked(given: SourceViews, valid: torch.Tensor) -> SourceViews:
    """Photographs with masks, filled as those of a scene are."""
    pairs = zip(given.images, valid, strict=True)
    images = torch.stack([filled(image, counted) for image, counted in pairs])
    return SourceViews(replace(given.cameras, valid=valid), images)


def some_valid(count: int) -> torch.Tensor:
    """All but a rectangle of the first photograph."""
    valid = torch.ones(count, HEIGHT, WIDTH, dtype=torch.bool)
    valid[0, 10:30, 16:48] = False
    return valid


def noisy(given: SourceViews, valid: torch.Tensor, seed: int = 5) -> SourceViews:
    noise = torch.rand(given.images.shape, generator=torch.Generator().manual_seed(seed))
    return replace(given, images=torch.where(valid[:, None], given.images, noise))


def some_maps(count: int, channels: int = 5) -> torch.Tensor:
    return torch.randn(count, *GRID, channels, generator=torch.Generator().manual_seed(1))


def lifted(network, given, maps, corrected=True):
    look = network.look(TARGET, given, RANGE)
    picture = render_picture(network, look, 24, 32)
    return picture.rgb, picture.depth, render_features(network, look, maps, GRID, corrected)


@pytest.mark.parametrize("corrected", [True, False])
def test_masks_that_leave_all_change_nothing(network, corrected):
    given, maps = sources(4), some_maps(4)
    everything = masked(given, torch.ones(4, HEIGHT, WIDTH, dtype=torch.bool))
    plain = lifted(network, given, maps, corrected)
    for found, expected in zip(lifted(network, everything, maps, corrected), plain, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("corrected", [True, False])
def test_values_of_what_is_masked_are_irrelevant(network, corrected):
    given, valid, maps = sources(4), some_valid(4), some_maps(4)
    other_maps = torch.where(telling_cells(valid, *GRID)[..., None], maps, 1e3)
    one = lifted(network, masked(given, valid), maps, corrected)
    other = lifted(network, masked(noisy(given, valid), valid), other_maps, corrected)
    for found, expected in zip(other, one, strict=True):
        assert torch.equal(found, expected)
    plain = lifted(network, given, maps, corrected)
    assert not torch.equal(one[0], plain[0])
    assert not torch.equal(one[2], plain[2])


def test_a_source_masked_wholly_gives_nothing(network):
    given, maps = sources(3), some_maps(3)
    valid = torch.ones(3, HEIGHT, WIDTH, dtype=torch.bool)
    valid[1] = False
    samples_of = network.look(TARGET, masked(given, valid), RANGE)
    samples = network.sample(samples_of, torch.rand(50, 2))
    features = feature_maps(maps, valid)
    weights = network.source_weights(samples, features, network.blender.describe(features))
    assert not samples.seen.inside[1].any()
    assert (weights[1] == 0).all()
    assert (samples.by_source.weights[1] == 0).all()


def test_nothing_is_rendered_where_all_sources_are_masked(network):
    given = sources(3)
    nothing = masked(given, torch.zeros(3, HEIGHT, WIDTH, dtype=torch.bool))
    look = network.look(TARGET, nothing, RANGE)
    picture = render_picture(network, look, 12, 16)
    assert (picture.accumulation == 0).all()
    assert (picture.rgb == 0).all()
    features = render_features(network, look, some_maps(3), GRID)
    assert (features == 0).all()


@pytest.mark.parametrize("corrected", [True, False])
def test_features_stay_mixed_from_cells_that_count(network, corrected):
    valid = some_valid(4)
    valid[:, 40:] = False
    telling = telling_cells(valid, *GRID)
    constant = torch.where(telling[..., None], torch.arange(1.0, 4.0), torch.tensor(1e6))
    _, _, found = lifted(network, masked(sources(4), valid), constant, corrected)
    seen = found.abs().sum(dim=2) > 0
    assert seen.float().mean() > 0.7
    expected = torch.arange(1.0, 4.0).expand_as(found)
    torch.testing.assert_close(found[seen], expected[seen], atol=1e-3, rtol=1e-3)


def test_maps_are_centred_over_the_cells_that_count():
    maps = torch.tensor([1.0, 3.0, 100.0, 200.0]).reshape(1, 1, 4, 1)
    valid = torch.tensor([True, True, False, False]).reshape(1, 1, 4)
    found = feature_maps(maps, valid)
    assert found.maps.flatten().tolist() == [1.0, 3.0, 0.0, 0.0]
    assert found.centred.flatten().tolist() == [-1.0, 1.0, 0.0, 0.0]
    everything = feature_maps(maps, torch.ones_like(valid))
    torch.testing.assert_close(everything.centred, feature_maps(maps).centred)


def losses_of(network, example):
    return example_losses(network, example, TRAINING, torch.Generator().manual_seed(0))


def test_masked_pixels_of_a_target_teach_nothing(network):
    example, valid = plane_example(), torch.ones(1, HEIGHT, WIDTH, dtype=torch.bool)
    valid[0, 8:32, 20:44] = False
    target = replace(example.target, valid=valid)
    assert example.depth is not None
    true_depth = example.depth

    def losses(seed):
        noise = torch.rand(example.image.shape, generator=torch.Generator().manual_seed(seed))
        telling = telling_cells(valid, 12, 16)[0, ..., None]
        waves = torch.where(telling, example.target_features["waves"], float(seed))
        image = filled(torch.where(valid, example.image, noise), valid[0])
        depth = torch.where(valid[0], true_depth, 0.0)
        changed = replace(example, target=target, image=image, depth=depth)
        return losses_of(network, replace(changed, target_features={"waves": waves}))

    one, other, plain = losses(1), losses(2), losses_of(network, example)
    assert set(one) == set(plain)
    for name, loss in one.items():
        assert torch.equal(loss, other[name]), name
    for name in ("picture", "rgb", "feature_cosine", "feature_l2", "plane"):
        assert not torch.equal(one[name], plain[name]), name


def test_a_target_that_counts_wholly_teaches_as_one_without_a_mask(network):
    example = plane_example()
    everything = torch.ones(1, HEIGHT, WIDTH, dtype=torch.bool)
    found = losses_of(network, replace(example, target=replace(example.target, valid=everything)))
    for name, loss in losses_of(network, example).items():
        torch.testing.assert_close(found[name], loss)


def test_a_target_masked_wholly_teaches_nothing_and_breaks_nothing(network):
    example = plane_example()
    nothing = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool)
    blank = replace(
        example,
        target=replace(example.target, valid=nothing),
        depth=torch.zeros_like(example.image[0]),
    )
    losses = losses_of(network, blank)
    assert all(loss.item() == 0 for loss in losses.values())
    network.zero_grad()
    torch.stack(list(losses.values())).sum().backward()
    gradients = [one.grad for one in network.parameters() if one.grad is not None]
    assert gradients
    assert all(bool(gradient.eq(0).all()) for gradient in gradients)
