"""Contrast of descriptors by hand and by loops."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.losses.descriptor import contrast, match_logits, matched, reliability


def unit_vectors(count, seed):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(count, 6, generator=generator), dim=1)


def pixels(count, seed=0):
    return 40 * torch.rand(count, 2, generator=torch.Generator().manual_seed(seed))


def test_logits_agree_with_loops():
    a, b, places = unit_vectors(20, 1), unit_vectors(20, 2), pixels(20)
    logits = match_logits(a, b, places, 0.1, 12.0)
    left_out = 0
    for i in range(20):
        for j in range(20):
            if i != j and (places[i] - places[j]).norm() < 12.0:
                assert logits[i, j] == -math.inf
                left_out += 1
            else:
                assert logits[i, j] == pytest.approx(float(a[i] @ b[j]) / 0.1, abs=1e-4)
    assert 0 < left_out < 300


def test_contrast_by_hand():
    logits = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    rows = [math.log(1 + math.exp(-2)), math.log(1 + math.exp(-2))]
    columns = [math.log(1 + math.exp(-1)), math.log(1 + math.exp(-3))]
    expected = (sum(rows) / 2 + sum(columns) / 2) / 2
    assert contrast(logits).item() == pytest.approx(expected, rel=1e-5)


def test_both_directions_count_alike_and_numbering_does_not_matter():
    logits = match_logits(unit_vectors(9, 1), unit_vectors(9, 2), pixels(9), 0.2, 5.0)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    for other in (logits.T, logits[order][:, order]):
        assert contrast(other).item() == pytest.approx(contrast(logits).item(), rel=1e-5)


def test_learning_makes_partners_find_each_other():
    a = unit_vectors(12, 1).requires_grad_()
    b, places = unit_vectors(12, 2), 100 * pixels(12)
    optimizer = torch.optim.Adam([a], lr=0.05)
    for _ in range(100):
        optimizer.zero_grad()
        contrast(match_logits(F.normalize(a, dim=1), b, places, 0.1, 4.0)).backward()
        optimizer.step()
    logits = match_logits(F.normalize(a, dim=1), b, places, 0.1, 4.0)
    assert matched(logits).all()


def test_where_everything_is_too_near_to_tell_the_gradient_is_zero():
    a, b = unit_vectors(5, 1).requires_grad_(), unit_vectors(5, 2).requires_grad_()
    loss = contrast(match_logits(a, b, torch.zeros(5, 2), 0.1, 4.0))
    loss.backward()
    assert loss.item() == 0.0
    for values in (a, b):
        assert values.grad is not None
        assert (values.grad == 0).all()


def test_gradients_are_finite_where_some_are_left_out_and_descriptors_are_equal():
    a = unit_vectors(1, 1).repeat(8, 1).requires_grad_()
    contrast(match_logits(a, unit_vectors(8, 2), pixels(8), 0.01, 15.0)).backward()
    assert a.grad is not None
    assert a.grad.isfinite().all()


def test_matched_are_mutual_nearest_neighbours():
    logits = torch.tensor([[5.0, 1.0, 0.0], [6.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
    # 1 looks more like 0 than like itself; thus 0, though right, is not found back
    assert matched(logits).tolist() == [False, False, True]
    assert matched(match_logits(torch.eye(4), torch.eye(4), 9 * pixels(4), 0.1, 1.0)).all()


def test_reliability_by_hand():
    logits = torch.tensor([0.0, 2.0, 2.0])
    loss = reliability(logits, torch.tensor([True, True, False]))
    expected = (math.log(2) + math.log(1 + math.exp(-2)) + math.log(1 + math.exp(2))) / 3
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("claimed", [-1000.0, 1000.0])
def test_overconfident_reliability_stays_finite(claimed):
    logits = torch.full((2,), claimed, requires_grad=True)
    loss = reliability(logits, torch.tensor([True, False]))
    loss.backward()
    assert loss.item() == pytest.approx(500.0)
    assert logits.grad is not None
    assert logits.grad.abs().max() == pytest.approx(0.5)


def test_without_pairs_losses_are_zero_and_nothing_matches():
    empty = torch.zeros(0, 6, requires_grad=True)
    logits = match_logits(empty, torch.zeros(0, 6), torch.zeros(0, 2), 0.1, 4.0)
    assert logits.shape == (0, 0)
    loss = contrast(logits) + reliability(empty.sum(dim=1), torch.zeros(0, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0.0
    assert matched(logits).shape == (0,)
