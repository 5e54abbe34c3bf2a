"""Where pixels land, told from unit vectors."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.pinhole import grid_places
from condense_ns.losses.correspondence import expected_places, landing_distance

SHARP = torch.tensor(1e4)


def vectors(count: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(1, count, 16, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=2)


def test_sharp_vectors_find_their_own():
    places, keys = grid_places(3, 4), vectors(12)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    found = expected_places(keys[:, order], keys, torch.ones(1, 12).bool(), places, SHARP)
    torch.testing.assert_close(found[0], places[order])


def test_equal_vectors_find_the_middle_of_what_can_be_answered():
    places, keys = grid_places(2, 2), torch.ones(1, 4, 1)
    answers = torch.tensor([[True, False, True, False]])
    found = expected_places(keys[:, :1], keys, answers, places, torch.tensor(10.0))
    torch.testing.assert_close(found[0, 0], torch.tensor([0.25, 0.5]))


def test_a_view_without_answers_is_finite():
    keys = vectors(4).requires_grad_()
    none = torch.zeros(1, 4).bool()
    found = expected_places(keys, keys, none, grid_places(2, 2), SHARP)
    found.sum().backward()
    assert found.isfinite().all()
    assert keys.grad is not None
    assert keys.grad.isfinite().all()


def test_distances_are_means_over_what_both_views_see():
    found = torch.tensor([[[0.5, 0.5], [0.1, 0.1], [0.9, 0.9]]])
    true = torch.tensor([[[0.25, 0.5], [0.1, 0.2], [float("inf"), float("nan")]]])
    shared = torch.tensor([[True, True, False]])
    assert landing_distance(found, true, shared).item() == pytest.approx((0.25 + 0.1) / 2)
    none = torch.zeros_like(shared)
    assert landing_distance(found, true, none).item() == 0.0
