"""Both branches agree, each following the other one held still."""

import pytest
import torch

from condense_ns.losses.branches import agreement_losses, feature_distance, two_view_losses


def features(seed: int) -> torch.Tensor:
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))


def test_a_distance_by_hand():
    found = torch.tensor([[1.0, 0.0], [3.0, 0.0], [9.0, 9.0]])
    wanted = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    # 1 - cos is 1 and 0; Huber's loss 0.5 on both channels, and 1.5 on one of two.
    expected = (1.0 * (1.0 + 0.5) + 3.0 * (0.0 + 0.75)) / 4.0
    weights = torch.tensor([1.0, 3.0, 0.0])
    assert feature_distance(found, wanted, weights).item() == pytest.approx(expected)


def test_equal_branches_cost_nothing():
    same = features(0)
    losses = agreement_losses(same, same, torch.ones(6))
    assert set(losses) == {"lifted", "refined"}
    assert all(loss.item() == pytest.approx(0.0, abs=1e-6) for loss in losses.values())


def test_each_branch_is_pulled_by_its_own_losses_alone():
    rendered, refined = features(0).requires_grad_(), features(1).requires_grad_()
    losses = agreement_losses(rendered, refined, torch.ones(6))
    pulled = {
        name: [
            gradient is not None
            for gradient in torch.autograd.grad(
                loss, [rendered, refined], allow_unused=True, retain_graph=True
            )
        ]
        for name, loss in losses.items()
    }
    assert pulled == {"lifted": [True, False], "refined": [False, True]}


def test_what_is_half_transparent_does_not_count():
    rendered, refined = features(0), features(1)
    opacity = torch.tensor([1.0, 0.8, 0.6, 0.49, 0.1, 0.0])
    losses = agreement_losses(rendered, refined, opacity)
    spoilt = rendered.clone()
    spoilt[3:] = 1e6
    again = agreement_losses(spoilt, refined, opacity)
    assert torch.equal(losses["lifted"], again["lifted"])


def test_where_nothing_is_seen_the_losses_are_zero_with_finite_gradients():
    rendered = torch.zeros(3, 4, requires_grad=True)
    losses = agreement_losses(rendered, torch.zeros(3, 4), torch.zeros(3))
    losses["lifted"].backward()
    assert losses["lifted"].item() == 0.0
    assert rendered.grad is not None
    assert rendered.grad.isfinite().all()


def test_two_views_by_hand():
    here = torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]])
    encoder_there = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-9.0, 9.0]])
    here_there = torch.tensor([[0.0, 3.0], [0.0, 0.5], [-9.0, 9.0]])
    shared = torch.tensor([1.0, 1.0, 0.0])
    found = two_view_losses(here, 3 * here, encoder_there, here_there, shared)
    assert found["steady"].item() == pytest.approx((0.0 + 0.25) / 2)  # Huber's loss alone
    assert found["alike"].item() == pytest.approx((1.0 + 0.0) / 2)
    assert found["told"].item() == pytest.approx((2.0 + 12.5) / 2)  # of (2, 0) and (0, 5)
