"""Sources of different exposures are brought to one, which the picture has anyway."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.network_file import load_network
from condense_ns.lifting.source_exposure import equalising_gains, exposed_alike
from condense_ns.lifting.view_rendering import render_picture
from tests.lifting.looking_views import RANGE, TARGET, sources

EXPOSURES = torch.tensor([[0.8, 0.8, 0.8], [1.0, 1.1, 0.9], [1.2, 1.2, 1.3]])


def surfaces(rays: int = 400) -> torch.Tensor:
    """Colours that stay within the range under all exposures."""
    return 0.1 + 0.6 * torch.rand(rays, 3, generator=torch.Generator().manual_seed(0))


def everywhere(colours: torch.Tensor) -> torch.Tensor:
    return torch.ones(colours.shape[:2], dtype=torch.bool)


def test_two_sources_by_hand():
    """One shows 0.2 where the other shows 0.4, and gives three quarters of the picture."""
    colours = torch.tensor([0.2, 0.4])[:, None, None].expand(2, 100, 3)
    found = equalising_gains(colours, everywhere(colours), torch.tensor([0.75, 0.25]))
    torch.testing.assert_close(found[:, 0], torch.tensor([2**0.25, 2**-0.75]), rtol=2e-3, atol=0)


def test_exposures_are_found_though_a_third_of_the_rays_is_wrong():
    colours = EXPOSURES[:, None] * surfaces()
    colours[2, :130] = colours[2, :130].flip(0)
    shares = torch.tensor([1.0, 0.0, 0.0])
    found = equalising_gains(colours, everywhere(colours), shares)
    torch.testing.assert_close(found, EXPOSURES[0] / EXPOSURES, rtol=0.02, atol=0)


def test_sources_that_meet_only_through_a_third_one_are_compared():
    colours = EXPOSURES[:, None] * surfaces()
    seen = everywhere(colours)
    seen[0, 200:], seen[2, :200] = False, False
    found = equalising_gains(colours, seen, torch.ones(3))
    alike = found * EXPOSURES
    torch.testing.assert_close(alike, alike[:1].expand(3, 3), rtol=0.01, atol=0)


def test_what_is_too_dark_too_bright_or_seen_alone_says_nothing():
    colours = EXPOSURES[:, None] * surfaces()
    ones = torch.ones(3, 3)
    shares = torch.ones(3)
    assert torch.equal(equalising_gains(0 * colours, everywhere(colours), shares), ones)
    assert torch.equal(equalising_gains(0 * colours + 1, everywhere(colours), shares), ones)
    assert torch.equal(equalising_gains(colours, ~everywhere(colours), shares), ones)
    alone = everywhere(colours)
    alone[2, 40:] = False  # too few rays
    found = equalising_gains(colours, alone, torch.tensor([1.0, 0.0, 1.0]))
    assert torch.equal(found[2], torch.ones(3))
    assert not torch.equal(found[:2], torch.ones(2, 3))


def test_the_order_of_the_sources_does_not_matter():
    colours, order = EXPOSURES[:, None] * surfaces(), [2, 0, 1]
    shares = torch.tensor([0.5, 0.3, 0.2])
    found = equalising_gains(colours, everywhere(colours), shares)
    again = equalising_gains(colours[order], everywhere(colours), shares[order])
    torch.testing.assert_close(again, found[order])


@pytest.mark.parametrize("count", [1, 5])
def test_a_picture_from_equal_exposures_hardly_changes(count: int):
    network, given = load_network(), sources(count)
    look = network.look(TARGET, given, RANGE)
    before = render_picture(network, look, 48, 64).rgb
    after = render_picture(network, exposed_alike(network, look), 48, 64).rgb
    assert (after - before).abs().mean() < 0.004


def test_a_picture_from_unequal_exposures_is_nearer_the_truth():
    """The nearest source is exposed as the target is, the others are darker and brighter."""
    network, given = load_network(), sources(5)
    exposures = torch.tensor([1.0, 0.8, 1.2, 0.85, 1.15])
    images = (given.images * exposures[:, None, None, None]).clamp(0, 1)
    look = network.look(TARGET, replace(given, images=images), RANGE)
    true = render_picture(network, network.look(TARGET, given, RANGE), 48, 64).rgb
    before = render_picture(network, look, 48, 64).rgb
    after = render_picture(network, exposed_alike(network, look), 48, 64).rgb
    common = (after * true).sum() / after.square().sum()
    assert (common * after - true).square().mean() < 0.7 * (before - true).square().mean()


def test_exposing_again_changes_nothing():
    network, given = load_network(), sources(3)
    once = exposed_alike(
        network, network.look(TARGET, SourceViews(given.cameras, given.images), RANGE)
    )
    torch.testing.assert_close(exposed_alike(network, once).gains, once.gains)
