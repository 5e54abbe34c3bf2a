"""Samples at the quantiles of a proposal, and rendering that ends where it says."""

import math

import pytest
import torch

from condense_ns.rendering.proposal_sampling import (
    MOST_OPAQUE,
    masses_at,
    posterior_masses,
    proposed_thickness,
    quantile_indices,
    weights_from_thickness,
)


def some_proposal(rays=20, planes=9, sharpness=2.0):
    logits = torch.randn(rays, planes, generator=torch.Generator().manual_seed(0))
    return (sharpness * logits).softmax(dim=1)


def every(values):
    return torch.ones_like(values, dtype=torch.bool)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([0.0, 1.0, 0.0, 0.0], [0.75, 1.25]),  # all mass between 0.5 and 1.5
        ([0.25, 0.25, 0.25, 0.25], [0.5, 2.5]),
        ([0.5, 0.0, 0.0, 0.5], [0.0, 3.0]),
        ([0.75, 0.25, 0.0, 0.0], [-0.5 + 1 / 3, 0.5]),
        ([0.0, 0.0, 0.0, 1.0], [2.75, 3.25]),
        ([0.0, 0.0, 0.0, 0.0], [0.5, 2.5]),
    ],
)
def test_quartiles_by_hand(probabilities, expected):
    found = quantile_indices(torch.tensor([probabilities]), 2)
    assert found[0].tolist() == pytest.approx(expected, abs=1e-4)


def slow_quantile(probabilities, level):
    """Walk along the planes in small steps until the mass is reached."""
    steps, passed = 4000, 0.0
    for plane, mass in enumerate(probabilities.tolist()):
        for step in range(steps):
            passed += mass / steps
            if passed >= level:
                return plane - 0.5 + (step + 1) / steps
    return len(probabilities) - 0.5


def test_quantiles_agree_with_a_walk_along_the_planes():
    probabilities = some_proposal(4)
    found = quantile_indices(probabilities, 3)
    for ray in range(4):
        for at in range(3):
            expected = slow_quantile(probabilities[ray], (at + 0.5) / 3)
            assert found[ray, at].item() == pytest.approx(expected, abs=2e-3)


def test_samples_come_in_order_within_the_planes_and_without_gradient():
    probabilities = some_proposal(sharpness=8.0).requires_grad_()
    found = quantile_indices(probabilities, 6)
    assert (found.diff(dim=1) >= 0).all()
    assert ((found >= -0.5) & (found <= 8.5)).all()
    assert not found.requires_grad


def test_masses_are_equal_and_learn_like_the_logarithm_of_the_probabilities():
    probabilities = torch.tensor([[0.2, 0.7, 0.1]], requires_grad=True)
    masses = masses_at(probabilities, torch.tensor([[0.1, 1.3, 1.4, 2.4]]))
    assert masses.tolist() == [[0.25] * 4]
    (masses * torch.tensor([1.0, 2.0, 4.0, 8.0])).sum().backward()
    expected = [1 / 0.2, (2 + 4) / 0.7, 8 / 0.1]
    assert probabilities.grad is not None
    assert probabilities.grad[0].tolist() == pytest.approx([value / 4 for value in expected])


def test_masses_by_what_is_found_by_hand():
    masses = torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0]])
    found = posterior_masses(masses, torch.tensor([[0.0, math.log(2), -1e3], [-1e3, -1e3, -1e3]]))
    torch.testing.assert_close(found[0], torch.tensor([0.5, 0.5, 0.0]))
    assert found[1].tolist() == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)  # all alike unlikely


def test_masses_beyond_the_planes_or_of_impossible_ones_stay_finite():
    probabilities = torch.tensor([[0.0, 1.0]], requires_grad=True)
    masses = masses_at(probabilities, torch.tensor([[-0.5, 0.0, 1.5, 9.0]]))
    assert masses.tolist() == [[0.25] * 4]
    masses.sum().backward()
    assert probabilities.grad is not None
    assert probabilities.grad.isfinite().all()


def test_the_hazard_of_two_samples_by_hand():
    thickness = proposed_thickness(torch.tensor([[0.5, 0.5]]))
    assert thickness[0].tolist() == pytest.approx([math.log(2), -math.log(1 - MOST_OPAQUE)])


@pytest.mark.parametrize("samples", [1, 2, 7])
def test_rendering_ends_with_the_masses(samples):
    masses = some_proposal(planes=samples)
    weights = weights_from_thickness(proposed_thickness(masses), every(masses))
    torch.testing.assert_close(weights[:, :-1], masses[:, :-1], atol=0.005, rtol=0.0)
    torch.testing.assert_close(weights[:, -1], MOST_OPAQUE * masses[:, -1], atol=0.005, rtol=0.0)
    assert (weights.sum(dim=1) <= 1).all()


def test_the_hazard_of_no_mass_is_air_with_finite_gradients():
    masses = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], requires_grad=True)
    thickness = proposed_thickness(masses)
    assert (thickness[0] == 0).all()
    assert thickness.isfinite().all()
    thickness.sum().backward()
    assert masses.grad is not None
    assert masses.grad.isfinite().all()


def slow_weights(thickness, valid):
    found = torch.zeros_like(thickness)
    for ray in range(len(thickness)):
        passed = 1.0
        for sample in range(thickness.shape[1]):
            if valid[ray, sample]:
                opacity = 1 - math.exp(-thickness[ray, sample].item())
                found[ray, sample] = passed * opacity
                passed *= 1 - opacity
    return found


def test_weights_agree_with_light_that_passes_sample_after_sample():
    generator = torch.Generator().manual_seed(0)
    thickness = 2 * torch.rand(12, 6, generator=generator)
    valid = torch.rand(12, 6, generator=generator) < 0.6
    found = weights_from_thickness(thickness, valid)
    torch.testing.assert_close(found, slow_weights(thickness, valid), atol=1e-6, rtol=1e-5)


def test_samples_that_are_not_valid_are_air_whatever_they_hold():
    thickness = torch.tensor([[1.0, float("nan"), 2.0], [float("inf"), 1.0, 1.0]])
    valid = torch.tensor([[True, False, True], [False, True, True]])
    found = weights_from_thickness(thickness, valid)
    without = weights_from_thickness(torch.tensor([[1.0, 2.0], [1.0, 1.0]]), every(found)[:, :2])
    torch.testing.assert_close(found[0, [0, 2]], without[0])
    torch.testing.assert_close(found[1, 1:], without[1])
    assert found[0, 1] == found[1, 0] == 0
    assert (weights_from_thickness(thickness, torch.zeros_like(valid)) == 0).all()
