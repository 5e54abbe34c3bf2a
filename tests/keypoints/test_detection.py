"""Peaks beside a slow definition, and keypoints where the maps say."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.keypoints.detection import BORDER, detect, peaks
from condense_ns.keypoints.head import HeadMaps


def maps_of(logits, offset=(0.0, 0.0), reliability=0.0, channels=4):
    height, width = logits.shape
    generator = torch.Generator().manual_seed(0)
    return HeadMaps(
        logits,
        torch.tensor(offset).expand(height // 2, width // 2, 2).contiguous(),
        torch.full((height // 2, width // 2), reliability),
        F.normalize(torch.randn(3, 4, channels, generator=generator), dim=2),
    )


def quiet(height=32, width=40):
    return torch.full((height, width), -20.0)


def slowly(scores, radius, threshold, border):
    height, width = scores.shape
    found = []
    for y in range(border, height - border):
        for x in range(border, width - border):
            around = scores[
                max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1
            ]
            value = scores[y, x]
            if value == around.max() and value > around.min() and value >= threshold:
                found.append([y, x])
    return found


@pytest.mark.parametrize("radius", [0, 1, 2, 5])
@pytest.mark.parametrize("border", [0, 3])
def test_peaks_are_those_of_the_definition(radius, border):
    scores = torch.randint(0, 50, (20, 27), generator=torch.Generator().manual_seed(2)) / 50.0
    assert peaks(scores, radius, 0.3, border).tolist() == slowly(scores, radius, 0.3, border)


@pytest.mark.parametrize("value", [0.0, 0.7, 1.0])
def test_a_constant_map_has_no_peaks(value):
    assert len(peaks(torch.full((20, 30), value), 2, 0.1, 0)) == 0


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (8, 8)])
def test_a_map_that_is_all_border_has_no_peaks(size):
    scores = torch.rand(*size, generator=torch.Generator().manual_seed(3))
    assert len(peaks(scores, 2, 0.0, 4)) == 0


def test_keypoints_by_hand():
    logits = quiet()
    logits[10, 20], logits[20, 8] = 1.0, 3.0
    found = detect(maps_of(logits, (0.25, -0.5), reliability=2.0), (64, 40), 10)
    # twice as high as the resized photograph, and as wide
    assert torch.allclose(found.pixels, torch.tensor([[8.75, 40.0], [20.75, 20.0]]))
    expected = torch.tensor([3.0, 1.0]).sigmoid() * torch.tensor(2.0).sigmoid()
    assert torch.allclose(found.scores, expected)
    assert torch.allclose(found.descriptors.norm(dim=1), torch.ones(2), atol=1e-6)


def test_an_unreliable_place_comes_later():
    logits = quiet()
    logits[10, 10], logits[20, 30] = 3.0, 1.0
    maps = maps_of(logits)
    maps.reliability_logits[:, :10] = -6.0
    assert detect(maps, (32, 40), 1).pixels.tolist() == [[30.5, 20.5]]


def test_the_strongest_come_first_and_fewer_are_the_beginning_of_more():
    logits = torch.randn(60, 80, generator=torch.Generator().manual_seed(4)) - 3
    all_of_them = detect(maps_of(logits), (120, 160), 10_000)
    assert len(all_of_them) > 50
    assert (all_of_them.scores.diff() <= 0).all()
    few = detect(maps_of(logits), (120, 160), 7)
    assert torch.equal(few.pixels, all_of_them.pixels[:7])
    assert torch.equal(few.descriptors, all_of_them.descriptors[:7])


def test_no_keypoint_lies_at_the_edge_or_near_a_better_one():
    logits = torch.randn(60, 80, generator=torch.Generator().manual_seed(5))
    pixels = detect(maps_of(logits), (60, 80), 10_000, radius=3).pixels
    assert pixels.amin() >= BORDER
    assert pixels[:, 0].max() <= 80 - BORDER
    assert pixels[:, 1].max() <= 60 - BORDER
    apart = (pixels[:, None] - pixels).abs().amax(dim=2) + 100 * torch.eye(len(pixels))
    assert apart.min() > 3


def test_no_peaks_are_no_keypoints():
    for found in (detect(maps_of(quiet()), (32, 40), 5), detect(maps_of(quiet(4, 4)), (8, 8), 5)):
        assert len(found) == 0
        assert found.pixels.shape == (0, 2)
        assert found.descriptors.shape == (0, 4)
    logits = quiet()
    logits[10, 20] = 1.0
    assert len(detect(maps_of(logits), (32, 40), 0)) == 0


def test_scores_descriptors_and_offsets_have_finite_gradients():
    logits = torch.randn(32, 40, generator=torch.Generator().manual_seed(6)) * 100
    maps = maps_of(logits)
    parts = (maps.score_logits, maps.offsets, maps.reliability_logits, maps.descriptors)
    for part in parts:
        part.requires_grad_()
    found = detect(maps, (32, 40), 50)
    (found.pixels.sum() + found.scores.sum() + found.descriptors.sum()).backward()
    for part in parts:
        assert part.grad is not None
        assert part.grad.isfinite().all()
    assert (maps.offsets.grad != 0).any()
