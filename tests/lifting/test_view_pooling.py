"""Weights and statistics over sources, of which some do not see a point."""

import math

import torch

from condense_ns.lifting.view_pooling import pooled, softmax_of_seen


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_softmax_over_two_of_three_sources_by_hand():
    logits = torch.tensor([[0.0], [math.log(3)], [50.0]])
    found = softmax_of_seen(logits, torch.tensor([[True], [True], [False]]))
    torch.testing.assert_close(found, torch.tensor([[0.25], [0.75], [0.0]]))


def test_a_point_that_nobody_sees_has_no_weights_and_finite_gradients():
    logits = some(3, 4).requires_grad_()
    found = softmax_of_seen(logits, torch.zeros(3, 4, dtype=torch.bool))
    assert (found == 0).all()
    found.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_sources_that_see_nothing_might_as_well_be_absent():
    logits, seen = some(5, 30), some(5, 30, seed=1) > 0
    seen[3] = False
    found = softmax_of_seen(logits, seen)
    rest = [0, 1, 2, 4]
    torch.testing.assert_close(found[rest], softmax_of_seen(logits[rest], seen[rest]))
    assert ((found.sum(dim=0) - seen.any(dim=0).float()).abs() < 1e-6).all()
    logits[~seen] = math.nan
    assert torch.equal(softmax_of_seen(logits, seen), found)


def test_mean_and_variance_by_hand():
    values = torch.tensor([[[0.0, 5.0]], [[4.0, 5.0]]])
    mean, variance = pooled(values, torch.tensor([[0.75], [0.25]]))
    assert mean.tolist() == [[1.0, 5.0]]
    assert variance.tolist() == [[3.0, 0.0]]


def test_mean_and_variance_agree_with_a_loop():
    values, weights = some(4, 9, 3), some(4, 9, seed=1).softmax(dim=0)
    mean, variance = pooled(values, weights)
    for point in range(9):
        expected = sum(weights[at, point] * values[at, point] for at in range(4))
        apart = sum(weights[at, point] * (values[at, point] - expected) ** 2 for at in range(4))
        torch.testing.assert_close(mean[point], expected)
        torch.testing.assert_close(variance[point], apart)


def test_rounding_never_makes_a_variance_negative():
    values = torch.full((7, 50, 2), 1e4) + 1e-3 * some(7, 50, 2)
    assert (pooled(values, torch.full((7, 50), 1 / 7))[1] >= 0).all()
