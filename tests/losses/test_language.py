"""Regions near their captions."""

import pytest
import torch

from condense_ns.losses.language import caption_contrast, pooled_regions


def test_regions_are_weighted_means():
    features = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0], [9.0, 9.0]])
    region = torch.tensor([0, 0, 2, -1])
    weights = torch.tensor([1.0, 3.0, 0.5, 1.0])
    pooled, totals = pooled_regions(features, region, weights, 3)
    torch.testing.assert_close(pooled, torch.tensor([[2.5, 0.0], [0.0, 0.0], [0.0, 5.0]]))
    torch.testing.assert_close(totals, torch.tensor([4.0, 0.0, 0.5]))


def test_entropy_by_hand():
    captions = torch.eye(2)
    regions = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    own, weights = torch.tensor([0, 0]), torch.tensor([1.0, 0.0])
    loss = caption_contrast(regions, captions, own, weights, 2.0)
    assert loss.item() == pytest.approx(float(torch.log1p(torch.exp(torch.tensor(-2.0)))))


def test_the_nearer_its_caption_the_better_and_length_does_not_matter():
    captions = torch.eye(3)
    own, weights = torch.tensor([1]), torch.ones(1)
    losses = [
        caption_contrast(torch.tensor([[1.0, x, 0.0]]), captions, own, weights, 10.0).item()
        for x in (0.0, 1.0, 4.0)
    ]
    assert losses[0] > losses[1] > losses[2]
    longer = caption_contrast(torch.tensor([[7.0, 7.0, 0.0]]), captions, own, weights, 10.0)
    assert longer.item() == pytest.approx(losses[1])


def test_nothing_seen_costs_nothing():
    regions = torch.zeros(2, 3, requires_grad=True)
    loss = caption_contrast(regions, torch.eye(3), torch.tensor([0, 1]), torch.zeros(2), 10.0)
    loss.backward()
    assert loss.item() == 0.0
    assert regions.grad is not None
    assert regions.grad.isfinite().all()
