"""Where pixels land, told from unit vectors."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.pinhole import grid_places
from condense_ns.losses import correspondence
from condense_ns.losses.correspondence import evenly_spread, expected_places, landing_distance

SHARP = torch.tensor(1e4)


def vectors(count: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=1)


def test_sharp_vectors_find_their_own():
    places, keys = grid_places(3, 4), vectors(12)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    found = expected_places(keys[order], keys, torch.ones(12).bool(), places, SHARP)
    torch.testing.assert_close(found, places[order])


def test_equal_vectors_find_the_middle_of_what_can_be_answered():
    places, keys = grid_places(2, 2), torch.ones(4, 1)
    answers = torch.tensor([True, False, True, False])
    found = expected_places(keys[:1], keys, answers, places, torch.tensor(10.0))
    torch.testing.assert_close(found[0], torch.tensor([0.25, 0.5]))


def test_a_view_without_answers_is_finite():
    keys = vectors(4).requires_grad_()
    found = expected_places(keys, keys, torch.zeros(4).bool(), grid_places(2, 2), SHARP)
    found.sum().backward()
    assert found.isfinite().all()
    assert keys.grad is not None
    assert keys.grad.isfinite().all()


def test_distances_are_means_over_what_both_views_see():
    places, same = grid_places(1, 2), torch.ones(2, 2, 1)  # so that every cell finds the middle
    true = torch.tensor([[[0.25, 0.5], [0.5, 0.6]], [[0.5, 0.5], [float("inf"), float("nan")]]])
    shared = torch.tensor([[True, True], [True, False]])
    seen = torch.ones(2, 2).bool()
    found = landing_distance(same, seen, places, true, shared, torch.tensor(10.0))
    assert found.item() == pytest.approx((0.25 + 0.1 + 0.0) / 3)
    none = torch.zeros_like(shared)
    nothing = same.clone().requires_grad_()
    distance = landing_distance(nothing, seen, places, true, none, SHARP)
    distance.backward()
    assert distance.item() == 0.0


def test_each_view_asks_the_next_one():
    places, keys = grid_places(3, 4), torch.stack([vectors(12, seed) for seed in range(3)])
    order = torch.randperm(12, generator=torch.Generator().manual_seed(1))
    views = torch.stack([keys[0], keys[0][order], keys[2]])
    shared = torch.tensor([[True] * 12, [False] * 12, [False] * 12])
    true = places[order.argsort()].expand(3, 12, 2)
    seen = torch.ones(3, 12).bool()
    assert landing_distance(views, seen, places, true, shared, SHARP).item() < 1e-5
    assert landing_distance(views, seen, places, true, shared.roll(1, 0), SHARP).item() > 0.1


def test_of_many_cells_some_ask(monkeypatch: pytest.MonkeyPatch):
    assert evenly_spread(torch.arange(10), 4).tolist() == [0, 2, 5, 7]
    assert evenly_spread(torch.arange(3), 4).tolist() == [0, 1, 2]
    places, keys = grid_places(3, 4), vectors(12).expand(2, 12, 16)
    shared, true = torch.ones(2, 12).bool(), places.expand(2, 12, 2).clone()
    true[:, 1] += 1.0
    given = (keys, shared, places, true, shared, SHARP)
    assert landing_distance(*given).item() == pytest.approx(2 / 12, abs=1e-5)
    monkeypatch.setattr(correspondence, "MOST_QUERIES", 6)
    assert landing_distance(*given).item() == pytest.approx(0.0, abs=1e-5)
