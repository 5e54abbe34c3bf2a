"""Rendered against 2D features."""

import math

import pytest
import torch

from condense_ns.losses.distillation import cosine_distance, robust_l2, weighted_mean


def test_cosine_distance_by_hand():
    rendered = torch.tensor([[3.0, 0.0], [3.0, 0.0], [-1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    target = torch.tensor([[7.0, 0.0], [0.0, 2.0], [5.0, 0.0], [2.0, 0.0], [1.0, 0.0]])
    expected = [0.0, 1.0, 2.0, 1 - math.sqrt(0.5), 1.0]
    assert torch.allclose(cosine_distance(rendered, target), torch.tensor(expected), atol=1e-6)


def test_robust_l2_is_quadratic_up_to_one_and_linear_beyond():
    rendered = torch.tensor([[0.5, 0.0], [3.0, 1.0], [-10.0, 10.0]])
    expected = [(0.125 + 0) / 2, (2.5 + 0.5) / 2, 9.5]
    assert torch.allclose(robust_l2(rendered, torch.zeros(3, 2)), torch.tensor(expected))


@pytest.mark.parametrize("loss", [cosine_distance, robust_l2])
def test_gradients_are_finite_at_zero_vectors_and_at_equality(loss):
    rendered = torch.tensor([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]], requires_grad=True)
    target = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    loss(rendered, target).sum().backward()
    assert rendered.grad is not None
    assert rendered.grad.isfinite().all()


def test_weighted_mean_by_hand():
    values = torch.tensor([1.0, 100.0, 3.0, float("inf")], requires_grad=True)
    mean = weighted_mean(values, torch.tensor([0.5, 0.0, 1.5, 0.0]))
    assert mean.item() == 2.5
    mean.backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0.25, 0, 0.75, 0]


@pytest.mark.parametrize("rays", [0, 3])
def test_without_weights_the_mean_and_its_gradient_are_zero(rays):
    values = torch.full((rays,), float("nan"), requires_grad=True)
    mean = weighted_mean(values, torch.zeros(rays))
    assert mean.item() == 0.0
    mean.backward()
    assert values.grad is not None
    assert (values.grad == 0).all()
