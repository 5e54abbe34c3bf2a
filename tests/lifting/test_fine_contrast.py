"""Soft pictures get the fine contrast of the photographs; sharp ones stay as they are."""

from dataclasses import replace

import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from condense_ns.lifting.fine_contrast import DEVIATION, MOST, SIDE, sharpened
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from tests.lifting.looking_views import HEIGHT, RANGE, TARGET, WIDTH, sources

LIT = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)


def blurred(pictures: torch.Tensor) -> torch.Tensor:
    return gaussian_blur(pictures, [SIDE, SIDE], [DEVIATION, DEVIATION])


def softened(pictures: torch.Tensor) -> torch.Tensor:
    return 0.4 * blurred(pictures) + 0.6 * pictures


def fineness(pictures: torch.Tensor) -> float:
    """Root mean square of what is finer than the blur."""
    return float((pictures - blurred(pictures)).square().mean().sqrt())


def noise(scale: float = 0.1, seed: int = 0) -> torch.Tensor:
    """A grey picture with something everywhere at every length."""
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + scale * torch.randn(3, HEIGHT, WIDTH, generator=generator).clamp(-2, 2)


@pytest.fixture(scope="module")
def plain() -> Look:
    torch.manual_seed(0)
    network = LiftingNetwork(planes=12, samples=3).requires_grad_(False)
    return network.look(TARGET, sources(), RANGE)


def showing(look: Look, image: torch.Tensor, scale: float = 1.0) -> Look:
    """The same look at other photographs, that are all alike; `scale` is their exposure."""
    images = image.expand_as(look.maps.images[..., :HEIGHT, :WIDTH]) / scale
    gains = torch.full_like(look.gains, scale)
    return replace(look, maps=replace(look.maps, images=images), gains=gains)


def test_a_soft_picture_gets_the_fine_contrast_of_the_photographs(plain):
    soft = softened(noise())
    look = showing(plain, noise(seed=1))
    aim = fineness(look.maps.images[0])
    assert 0.5 < fineness(soft) / aim < 0.9
    assert fineness(sharpened(soft, look, LIT)) == pytest.approx(aim, rel=1e-3)


def test_it_is_nearer_to_the_sharp_one(plain):
    sharp, soft = noise(), softened(noise())
    found = sharpened(soft, showing(plain, sharp), LIT)
    assert (found - sharp).square().mean() < 0.1 * (soft - sharp).square().mean()


@pytest.mark.parametrize("scale", [0.1, 0.05])
def test_what_is_as_sharp_or_sharper_stays_as_it_is(plain, scale):
    assert torch.equal(sharpened(noise(), showing(plain, noise(scale)), LIT), noise())


def test_it_is_not_made_sharper_without_end(plain):
    picture = noise(0.001)
    found = sharpened(picture, showing(plain, noise()), LIT)
    torch.testing.assert_close(found, picture + MOST * (picture - blurred(picture)))


def test_a_flat_picture_stays_flat(plain):
    flat = torch.full((3, HEIGHT, WIDTH), 0.3)
    torch.testing.assert_close(sharpened(flat, showing(plain, noise()), LIT), flat)


def test_the_exposure_of_the_photographs_does_not_matter(plain):
    soft = softened(noise())
    found, expected = (sharpened(soft, showing(plain, noise(0.09), by), LIT) for by in (1.7, 1.0))
    torch.testing.assert_close(found, expected)


def test_what_is_masked_or_unlit_does_not_count(plain):
    """Half of all photographs and of the picture is flat; where it counts, there is as much less to aim at."""
    soft, image, lit = softened(noise()), noise(0.09), LIT.clone()
    expected = sharpened(soft, showing(plain, image), LIT)
    lit[:, WIDTH // 2 :] = False
    valid = lit.expand(len(plain.gains), -1, -1)
    look = showing(plain, torch.where(lit, image, 0.5))
    masked = replace(look, sources=replace(look.sources, valid=valid))
    picture, inner = torch.where(lit, soft, 0.5), (slice(None), slice(None), slice(WIDTH // 2 - 4))
    added = (expected - soft)[inner].abs().mean()
    found = sharpened(picture, masked, lit)
    assert (found - expected)[inner].abs().mean() < 0.1 * added
    assert torch.equal(sharpened(picture, look, lit), picture)


def test_colours_stay_within_their_range(plain):
    picture = noise(0.3).clamp(0, 1)
    found = sharpened(blurred(picture), showing(plain, picture), LIT)
    assert 0 <= found.min() < found.max() <= 1
