"""An untrained head says what its prior and its encoder say, and it learns from there."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.keypoints.detection import detect
from condense_ns.keypoints.head import HeadMaps, KeypointHead


def random_inputs(channels=8, height=48, width=64):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, height, width, generator=generator)
    features = torch.randn(5, 7, channels, generator=generator)
    prior = torch.randn(height, width, generator=generator) * 3 - 3
    return image, features, prior


def head_of(channels=8, descriptor_dim=8):
    torch.manual_seed(0)
    return KeypointHead(channels, descriptor_dim, width=6, image_size=64)


def test_an_untrained_head_detects_exactly_what_its_prior_does():
    image, features, prior = random_inputs()
    maps = head_of()(image, features, prior)
    assert torch.equal(maps.score_logits, prior)
    assert maps.size == (48, 64)
    assert (maps.offsets == 0).all()
    assert (maps.reliability_logits == 0).all()
    of_prior = HeadMaps(prior, torch.zeros(24, 32, 2), torch.zeros(24, 32), torch.ones(1, 1, 8))
    found, expected = detect(maps, (96, 128), 20), detect(of_prior, (96, 128), 20)
    assert len(found) == 20
    assert torch.equal(found.pixels, expected.pixels)
    assert torch.equal(found.scores, expected.scores)


def test_an_untrained_head_describes_as_the_encoder_does():
    image, features, prior = random_inputs()
    described = head_of()(image, features, prior).descriptors
    assert torch.allclose(described, F.normalize(features, dim=2), atol=1e-6)


@pytest.mark.parametrize("dimension", [6, 12])
def test_other_numbers_of_channels_start_with_an_orthogonal_projection(dimension):
    weight = head_of(8, dimension).same.weight.detach().flatten(1)
    product = weight @ weight.T if dimension < 8 else weight.T @ weight
    assert torch.allclose(product, torch.eye(len(product)), atol=1e-5)
    image, features, prior = random_inputs()
    described = head_of(8, dimension)(image, features, prior).descriptors
    assert described.shape == (5, 7, dimension)
    assert torch.allclose(described.norm(dim=2), torch.ones(5, 7), atol=1e-5)


def test_maps_have_their_sizes_and_offsets_stay_within_a_pixel():
    head = head_of()
    torch.nn.init.normal_(head.answers.weight, std=10.0)
    maps = head(*random_inputs())
    assert maps.score_logits.shape == (48, 64)
    assert maps.offsets.shape == (24, 32, 2)
    assert maps.reliability_logits.shape == (24, 32)
    assert (maps.offsets.abs() <= 1).all()
    assert (maps.offsets != 0).any()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((480, 640), (48, 64)), ((640, 480), (64, 48)), ((333, 500), (42, 64)), ((3, 4000), (2, 64))],
)
def test_the_longer_side_gets_the_image_size_and_both_are_even(size, expected):
    head = head_of()
    assert head.resized_size(*size) == expected
    assert head.resized(torch.rand(3, *size)).shape == (3, *expected)


def test_a_photograph_of_the_right_size_is_not_resampled_and_a_constant_one_stays_constant():
    image = random_inputs()[0]
    assert torch.allclose(head_of().resized(image), image, atol=1e-6)
    grey = head_of().resized(torch.full((3, 301, 200), 0.3))
    assert torch.allclose(grey, torch.full_like(grey, 0.3), atol=1e-5)


def test_every_map_teaches_the_head_and_gradients_are_finite_at_features_of_zero():
    head = head_of()
    image, features, prior = random_inputs()
    features[0] = 0.0
    features.requires_grad_()
    maps = head(image, features, prior)
    total = maps.score_logits.sum() + maps.offsets.sum() + maps.reliability_logits.sum()
    (total + maps.descriptors.square().sum() + maps.descriptors.sum()).backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()
    learnt = [head.answers.weight.grad, head.change[-1].weight.grad, head.same.weight.grad]
    for gradient in learnt:
        assert isinstance(gradient, torch.Tensor)
        assert gradient.isfinite().all()
        assert (gradient != 0).any()


def test_features_of_another_encoder_are_refused():
    image, _, prior = random_inputs()
    with pytest.raises(UserError, match="8 channels, these have 9"):
        head_of()(image, torch.zeros(5, 7, 9), prior)
