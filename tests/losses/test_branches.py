"""Both branches agree, each following the other one held still."""

import pytest
import torch

from condense_ns.losses.branches import condense_losses, feature_distance

ALL = torch.ones(6, dtype=torch.bool)


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
    losses = condense_losses(same, same, same, torch.ones(6), ALL)
    assert set(losses) == {"lifted", "refined", "anchor"}
    assert all(loss.item() == pytest.approx(0.0, abs=1e-6) for loss in losses.values())


def test_each_branch_is_pulled_by_its_own_losses_alone():
    rendered, refined = features(0).requires_grad_(), features(1).requires_grad_()
    original = features(2).requires_grad_()
    losses = condense_losses(rendered, refined, original, torch.ones(6), ALL)
    pulled = {
        name: [
            gradient is not None
            for gradient in torch.autograd.grad(
                loss, [rendered, refined, original], allow_unused=True, retain_graph=True
            )
        ]
        for name, loss in losses.items()
    }
    assert pulled == {
        "lifted": [True, False, False],
        "refined": [False, True, False],
        "anchor": [False, True, False],
    }


def test_what_is_half_transparent_does_not_count_but_is_anchored():
    rendered, refined, original = features(0), features(1), features(2)
    opacity = torch.tensor([1.0, 0.8, 0.6, 0.49, 0.1, 0.0])
    losses = condense_losses(rendered, refined, original, opacity, ALL)
    spoilt = rendered.clone()
    spoilt[3:] = 1e6
    again = condense_losses(spoilt, refined, original, opacity, ALL)
    assert torch.equal(losses["lifted"], again["lifted"])
    everything = feature_distance(refined, original, torch.ones(6))
    assert torch.equal(losses["anchor"], everything)


def test_the_anchor_does_not_hold_what_is_masked():
    refined, original, counted = features(1), features(2), ALL.clone()
    counted[4:] = False
    losses = condense_losses(features(0), refined, original, torch.ones(6), counted)
    alone = feature_distance(refined[:4], original[:4], torch.ones(4))
    torch.testing.assert_close(losses["anchor"], alone)


def test_where_nothing_is_seen_the_losses_are_zero_with_finite_gradients():
    rendered = torch.zeros(3, 4, requires_grad=True)
    losses = condense_losses(
        rendered, torch.zeros(3, 4), torch.zeros(3, 4), torch.zeros(3), ALL[:3]
    )
    losses["lifted"].backward()
    assert losses["lifted"].item() == 0.0
    assert rendered.grad is not None
    assert rendered.grad.isfinite().all()
