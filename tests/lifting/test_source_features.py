"""Maps lie over their photographs: what moves, grows or is mirrored there does so here."""

import pytest
import torch
from torch import nn

from condense_ns.lifting.source_features import GUIDING, MATCHING, SourceFeatures


@pytest.fixture(scope="module")
def network() -> SourceFeatures:
    """Random weights."""
    torch.manual_seed(0)
    return SourceFeatures().eval().requires_grad_(False)


def some_images(height=64, width=128, count=2):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def test_sizes_of_maps(network):
    maps = network(some_images(count=3))
    assert maps.images.shape == (3, 3, 64, 128)
    assert maps.matching.shape == (3, MATCHING, 16, 32)
    assert maps.guiding.shape == (3, GUIDING, 32, 64)
    assert maps.extent == (1.0, 1.0)


def test_matching_features_have_a_mean_square_of_one(network):
    square = network(some_images()).matching.square().mean(dim=1)
    torch.testing.assert_close(square, torch.ones_like(square))


def test_shifting_the_photograph_shifts_its_maps(network):
    images = some_images(width=256, count=1)
    maps, shifted = network(images), network(images.roll(8, dims=3))
    middle = slice(24, 40)  # in cells of 4 pixels; borders reach so far
    torch.testing.assert_close(
        shifted.matching[..., middle], maps.matching.roll(2, dims=3)[..., middle]
    )
    torch.testing.assert_close(
        shifted.guiding[..., 48:80], maps.guiding.roll(4, dims=3)[..., 48:80]
    )


def test_without_the_coarsest_cells_four_pixels_are_one_cell(network):
    fine = SourceFeatures().eval().requires_grad_(False)
    fine.load_state_dict(network.state_dict())
    for layer in fine.at_eighth.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.zero_()
    images = some_images(width=256, count=1)
    maps, shifted = fine(images), fine(images.roll(4, dims=3))
    middle = slice(24, 40)
    torch.testing.assert_close(
        shifted.matching[..., middle], maps.matching.roll(1, dims=3)[..., middle]
    )


@pytest.mark.parametrize("axis", [2, 3])
def test_with_symmetric_kernels_mirrored_photographs_have_mirrored_maps(network, axis):
    """Kernels that stood off the centres of cells would shift maps the other way."""
    symmetric = SourceFeatures().eval().requires_grad_(False)
    symmetric.load_state_dict(network.state_dict())
    for layer in symmetric.modules():
        if isinstance(layer, nn.Conv2d):
            layer.weight.copy_((layer.weight + layer.weight.flip(axis)) / 2)
    images = some_images()
    maps, mirrored = symmetric(images), symmetric(images.flip(axis))
    for name in ("matching", "guiding"):
        expected = getattr(maps, name).flip(axis)
        torch.testing.assert_close(getattr(mirrored, name), expected, atol=1e-5, rtol=1e-4)


def test_odd_sizes_are_filled_up_at_the_lower_right(network):
    images = some_images(37, 51)
    maps = network(images)
    assert maps.images.shape == (2, 3, 40, 56)
    assert maps.matching.shape[2:] == (10, 14)
    assert maps.guiding.shape[2:] == (20, 28)
    assert maps.extent == (51 / 56, 37 / 40)
    assert torch.equal(maps.images[..., :37, :51], images)
    assert torch.equal(maps.images[..., 39, 55], images[..., 36, 50])
    places = torch.tensor([[[1.0, 1.0], [0.5, 0.0]]]).expand(2, 2, 2)
    expected = torch.tensor([[51 / 56, 37 / 40], [25.5 / 56, 0.0]])
    torch.testing.assert_close(maps.padded(places)[1], expected)


def test_whole_cells_see_the_same_in_a_photograph_with_an_odd_border(network):
    """Filling up must not move what was there: only cells near the border differ."""
    images = some_images(64, 256, 1)
    images = torch.cat([images[..., :252], images[..., 251:252].expand(-1, -1, -1, 4)], dim=3)
    cut = images[..., :252]
    adjusted = (cut - cut.mean()) / cut.std() * images.std() + images.mean()
    torch.testing.assert_close(
        network(adjusted).matching, network(images).matching, atol=1e-3, rtol=1e-3
    )


def test_brightness_and_contrast_common_to_all_do_not_matter(network):
    images = some_images()
    plain, changed = network(images), network(0.3 * images + 0.5)
    torch.testing.assert_close(changed.matching, plain.matching, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(changed.guiding, plain.guiding, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (5, 40)])
def test_even_and_tiny_photographs_give_finite_maps_and_gradients(size):
    images = torch.full((1, 3, *size), 0.5, requires_grad=True)
    maps = SourceFeatures()(images)
    (maps.matching.sum() + maps.guiding.sum()).backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
