"""What rendering gets wrong of all sources is carried over; what it gets wrong of one is not."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.lifting.carried_errors import _mean_around, agreed, with_carried
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from tests.lifting.looking_views import HEIGHT, RANGE, TARGET, WIDTH, plane_depths, sources, texture

SIZE = (20, 24)


def evenly(count: int) -> torch.Tensor:
    return torch.full((count, *SIZE), 1 / count)


def noise(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, *SIZE, generator=torch.Generator().manual_seed(seed))


def test_what_all_get_wrong_is_carried_over_whole():
    error = noise(1)
    torch.testing.assert_close(agreed(error.expand(3, -1, -1, -1), evenly(3)), error[0])


def test_what_two_get_wrong_to_opposite_sides_is_not():
    error = noise(1)
    assert torch.equal(agreed(torch.cat([error, -error]), evenly(2)), torch.zeros(3, *SIZE))


def test_a_source_alone_agrees_with_nobody():
    weights = torch.zeros(2, *SIZE)
    weights[0] = 1
    assert agreed(noise(2), weights).abs().max() < 1e-6


def test_half_agreement_by_hand():
    """Errors 3 and 1 everywhere: M = 2, <w w E E> = 2 * 3 / 4, shared among half of all pairs: a = 3 / 4."""
    errors = torch.tensor([3.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 3, *SIZE)
    torch.testing.assert_close(agreed(errors, evenly(2)), torch.full((3, *SIZE), 1.5))


def test_where_no_source_sees_anything_nothing_is_carried_over():
    weights = evenly(2)
    weights[:, 5] = 0
    carried = agreed(noise(1).expand(2, -1, -1, -1), weights)
    assert (carried[:, 5] == 0).all()
    assert (carried[:, 4] != 0).all()


def test_of_common_errors_in_noise_more_is_right_than_in_their_mean():
    common = 0.5 * noise(1, 1)
    errors = common + noise(4)
    carried, mean = agreed(errors, evenly(4)), errors.mean(dim=0)
    assert (carried - common).square().mean() < 0.8 * (mean - common).square().mean()
    alone = agreed(noise(4), evenly(4))
    assert alone.square().mean() < 0.1 * noise(4).mean(dim=0).square().mean()


def test_the_order_of_the_sources_does_not_matter():
    weights = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))
    weights, order = weights / weights.sum(dim=0), [2, 0, 1]
    torch.testing.assert_close(agreed(noise(3)[order], weights[order]), agreed(noise(3), weights))


@pytest.mark.parametrize("side", [1.0, 3.0, 4.9, 100.0])
def test_means_around_count_what_lies_within(side: float):
    maps, reach = noise(1), round((side - 1) / 2)
    found = _mean_around(maps, side)
    for row, column in ((0, 0), (3, 23), (10, 11)):
        rows = slice(max(0, row - reach), row + reach + 1)
        columns = slice(max(0, column - reach), column + reach + 1)
        expected = maps[..., rows, columns].mean(dim=(2, 3))
        torch.testing.assert_close(found[..., row, column], expected)


@pytest.fixture(scope="module")
def look() -> Look:
    torch.manual_seed(0)
    network = LiftingNetwork(planes=12, samples=3).requires_grad_(False)
    return network.look(TARGET, sources(), RANGE)


def error_seen_by(view) -> torch.Tensor:
    """A small error that hangs on the surface."""
    centre, directions = pixel_rays(grid_places(HEIGHT, WIDTH), view)
    xyz = centre + plane_depths(view).reshape(-1, 1) * directions
    waves = texture(xyz.roll(1, dims=1)) - 0.5
    return (0.2 * waves).reshape(HEIGHT, WIDTH, 3)


def test_errors_are_found_where_sources_see_the_surface(look: Look):
    photographs = sources()
    errors = [error_seen_by(photographs.cameras[[at]]) for at in range(len(photographs))]
    rendered = photographs.images - torch.stack(errors).permute(0, 3, 1, 2)
    told = replace(look, rendered=rendered)
    picture = torch.full((HEIGHT, WIDTH, 3), 0.5)
    shares = torch.full((len(photographs), HEIGHT, WIDTH), 0.2)
    depth, true = plane_depths(TARGET), error_seen_by(TARGET)
    inner = (slice(8, -8), slice(8, -8))
    carried = (with_carried(picture, told, shares, depth) - picture)[inner]
    assert (carried - true[inner]).square().mean() < 0.02 * true[inner].square().mean()
    elsewhere = (with_carried(picture, told, shares, 0.7 * depth) - picture)[inner]
    assert (elsewhere - true[inner]).square().mean() > 0.2 * true[inner].square().mean()


def test_brightness_that_sources_differ_in_is_no_error(look: Look):
    images = sources().images
    gains = torch.linspace(0.8, 1.2, len(images))[:, None].expand(-1, 3)
    told = replace(look, gains=gains, rendered=images * gains[..., None, None])
    picture = torch.rand(HEIGHT, WIDTH, 3, generator=torch.Generator().manual_seed(0))
    shares = torch.full((len(images), HEIGHT, WIDTH), 0.2)
    found = with_carried(picture, told, shares, plane_depths(TARGET))
    torch.testing.assert_close(found, picture)


def test_colours_stay_within_their_range_and_unknown_errors_change_nothing(look: Look):
    images, picture = sources().images, torch.ones(HEIGHT, WIDTH, 3)
    shares = torch.full((len(images), HEIGHT, WIDTH), 0.2)
    told = replace(look, rendered=images - 0.3)
    assert with_carried(picture, told, shares, plane_depths(TARGET)).max() <= 1
    assert with_carried(picture, look, shares, plane_depths(TARGET)) is picture
