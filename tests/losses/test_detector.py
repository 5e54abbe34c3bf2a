"""Losses of score maps by hand, and their gradients where these are awkward."""

import math
from typing import Any

import pytest
import torch

from condense_ns.losses.detector import (
    EPSILON,
    TOWARDS_3D,
    peakedness,
    place_agreement,
    prior_agreement,
    repeatability,
    score_consistency,
)


def gradient_of(loss, *inputs) -> list[Any]:
    for values in inputs:
        values.requires_grad_()
    loss(*inputs).backward()
    gradients = [values.grad for values in inputs if values.grad is not None]
    assert len(gradients) == len(inputs)
    return gradients


def test_scores_of_both_branches_by_hand():
    seen, lifted = torch.tensor([0.8, 0.5]), torch.tensor([0.3, 0.5])
    towards_2d = -(0.8 * math.log(0.3) + 0.2 * math.log(0.7))
    towards_3d = -(0.3 * math.log(0.8) + 0.7 * math.log(0.2))
    expected = towards_2d + TOWARDS_3D * towards_3d
    loss = score_consistency(seen, lifted, torch.tensor([2.0, 0.0]))
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_each_branch_is_pulled_towards_the_other_one():
    for_2d, for_3d = gradient_of(
        lambda a, b: score_consistency(a, b, torch.ones(2)),
        torch.tensor([0.8, 0.1]),
        torch.tensor([0.3, 0.6]),
    )
    assert (for_2d.sign() == torch.tensor([1.0, -1.0])).all()
    assert (for_3d.sign() == torch.tensor([-1.0, 1.0])).all()


def test_equal_scores_are_consistent():
    gradients = gradient_of(
        lambda a, b: score_consistency(a, b, torch.ones(3)),
        torch.tensor([0.1, 0.5, 0.9]),
        torch.tensor([0.1, 0.5, 0.9]),
    )
    for gradient in gradients:
        assert gradient.abs().max() < 1e-6


def test_scores_of_exactly_zero_and_one_stay_finite():
    seen = torch.tensor([0.0, 1.0, 0.0, 1.0])
    gradients = gradient_of(
        lambda a, b: score_consistency(a, b, torch.ones(4)), seen, 1.0 - seen.clone()
    )
    assert score_consistency(seen, 1.0 - seen, torch.ones(4)) < -2 * math.log(EPSILON)
    for gradient in gradients:
        assert gradient.isfinite().all()


def test_repeatability_by_hand():
    one = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    other = torch.tensor([[0.5, 0.0], [1.0, 0.0]])
    assert repeatability(one, other).item() == pytest.approx(1 - (1 + math.sqrt(0.5)) / 2)
    assert repeatability(one, 3 * one).item() == pytest.approx(0.0, abs=1e-6)


def test_peakedness_by_hand():
    patches = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.5, 0.5]])
    assert peakedness(patches).item() == pytest.approx(1 - 0.75 / 2)


def test_patches_of_zeros_and_constant_ones_have_finite_gradients():
    for value in (0.0, 0.5):
        gradients = gradient_of(repeatability, torch.full((3, 9), value), torch.zeros(3, 9))
        gradients += gradient_of(peakedness, torch.full((3, 9), value))
        for gradient in gradients:
            assert gradient.isfinite().all()


def test_agreement_with_the_prior_by_hand():
    # one sure keypoint among four pixels: it weighs 1 / 0.25, the others 1 / 0.75
    prior = torch.tensor([[100.0, -100.0], [-100.0, -100.0]])
    logits = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    softplus = [math.log(2), math.log(2), math.log(1 + math.e), math.log(2)]
    weighted = (4 * softplus[0] + sum(softplus[1:]) / 0.75) / 4
    assert prior_agreement(logits, prior).item() == pytest.approx(weighted / 2, rel=1e-5)


def test_the_prior_itself_is_where_it_agrees_best():
    prior = torch.randn(12, 15, generator=torch.Generator().manual_seed(0)) * 3 - 3
    (gradient,) = gradient_of(lambda logits: prior_agreement(logits, prior), prior.clone())
    assert gradient.abs().max() < 1e-7
    assert prior_agreement(prior + 1, prior) > prior_agreement(prior, prior)


@pytest.mark.parametrize("value", [-1000.0, 1000.0])
def test_a_prior_that_finds_nothing_or_everything_stays_finite(value):
    prior = torch.full((4, 4), value)
    (gradient,) = gradient_of(lambda logits: prior_agreement(logits, prior), torch.zeros(4, 4))
    assert gradient.isfinite().all()
    assert prior_agreement(-prior, prior).isfinite()


def test_places_by_hand():
    one = torch.tensor([[0.0, 0.0], [10.0, 10.0]])
    other = torch.tensor([[0.5, 0.0], [10.0, 13.0]])
    assert place_agreement(one, other).item() == pytest.approx((0.125 + 2.5) / 4)
    gradients = gradient_of(place_agreement, one.clone(), one.clone())
    for gradient in gradients:
        assert (gradient == 0).all()


@pytest.mark.parametrize("loss", [repeatability, place_agreement])
def test_without_patches_or_places_the_loss_and_its_gradient_are_zero(loss):
    one, other = torch.zeros(0, 2, requires_grad=True), torch.zeros(0, 2)
    value = loss(one, other)
    value.backward()
    assert value.item() == 0.0
    assert one.grad is not None
    assert peakedness(torch.zeros(0, 9)).item() == 0.0


def test_without_rays_the_consistency_is_zero():
    nothing = torch.zeros(0)
    assert score_consistency(nothing, nothing, nothing).item() == 0.0
    blind = score_consistency(torch.rand(3), torch.rand(3), torch.zeros(3))
    assert blind.item() == 0.0
