"""Inverse temperatures from synthetic truth, by hand and against a grid."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.retrieval.calibration import expected_calibration_error, fit_inverse_temperature
from condense_ns.retrieval.relevancy import Query, margin, relevancy


def examples(inverse_temperature, count=20_000, spread=0.1):
    """Margins, and truth drawn with the probability that this inverse temperature gives."""
    generator = torch.Generator().manual_seed(0)
    margins = spread * torch.randn(count, generator=generator)
    drawn = torch.rand(count, generator=generator)
    return margins, drawn < torch.sigmoid(inverse_temperature * margins)


def test_three_of_four_by_hand():
    """sigmoid(t / 10) = 3 / 4, so t = 10 log 3."""
    truth = torch.tensor([True, True, False, True])
    found = fit_inverse_temperature(torch.full((4,), 0.1), truth)
    assert found == pytest.approx(10.0 * math.log(3.0), rel=1e-6)


@pytest.mark.parametrize("truth", [2.0, 10.0, 40.0, 100.0])
def test_the_inverse_temperature_that_drew_the_truth_is_found(truth):
    assert fit_inverse_temperature(*examples(truth)) == pytest.approx(truth, rel=0.1)


@pytest.mark.parametrize("spread", [1e-3, 0.1, 2.0])
def test_no_point_of_a_grid_is_more_likely(spread):
    margins, truth = examples(3.0 / spread, 300, spread)
    signed = torch.where(truth, margins, -margins).double()

    def loss(inverse_temperature):
        return F.softplus(-inverse_temperature * signed).sum().item()

    found = fit_inverse_temperature(margins, truth)
    assert 0.0 < found <= 1000.0
    assert loss(found) <= min(loss(t) for t in torch.linspace(1e-3, 1000.0, 4001).tolist()) + 1e-9


def test_margins_in_other_units_and_both_signs_swapped():
    margins, truth = examples(10.0, 500)
    found = fit_inverse_temperature(margins, truth)
    assert fit_inverse_temperature(4.0 * margins, truth) == pytest.approx(found / 4.0, rel=1e-5)
    assert fit_inverse_temperature(-margins, ~truth) == pytest.approx(found, rel=1e-6)


def test_margins_without_a_mistake_give_the_largest():
    assert fit_inverse_temperature(torch.tensor([0.1, -0.1]), torch.tensor([True, False])) == 1000.0


@pytest.mark.parametrize(
    ("margins", "truth", "told"),
    [
        ([], [], "no examples"),
        ([0.1, float("nan")], [True, True], "not finite"),
        ([0.1, -0.1], [False, True], "do not rise"),
        ([0.0, 0.0], [False, True], "do not rise"),
        ([0.1, 0.1], [False, True], "do not rise"),
    ],
)
def test_examples_that_cannot_be_fitted(margins, truth, told):
    with pytest.raises(UserError, match=told):
        fit_inverse_temperature(torch.tensor(margins), torch.tensor(truth, dtype=torch.bool))


def test_calibration_error_by_hand():
    """Two bins: 0.2 and 0.4 with one in two true; 0.5 and 1.0 with all true."""
    probabilities = torch.tensor([0.2, 0.4, 0.5, 1.0])
    truth = torch.tensor([True, False, True, True])
    expected = (abs(0.6 - 1) + abs(1.5 - 2)) / 4
    assert expected_calibration_error(probabilities, truth, 2) == pytest.approx(expected)
    assert expected_calibration_error(probabilities, truth, 1) == pytest.approx(abs(2.1 - 3) / 4)


def test_calibration_error_agrees_with_a_loop():
    margins, truth = examples(10.0, 400)
    probabilities = torch.sigmoid(20.0 * margins)
    expected = 0.0
    for number in range(15):
        inside = [i for i, p in enumerate(probabilities.tolist()) if int(p * 15) == number]
        if inside:
            promised = sum(probabilities[i].item() for i in inside) / len(inside)
            kept = sum(truth[i].item() for i in inside) / len(inside)
            expected += len(inside) / 400 * abs(promised - kept)
    assert expected_calibration_error(probabilities, truth) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("probabilities", "bins", "told"),
    [([], 15, "no examples"), ([0.5], 0, "bins is 0"), ([1.1], 5, "lie in"), ([-0.1], 5, "lie in")],
)
def test_what_cannot_be_judged(probabilities, bins, told):
    with pytest.raises(UserError, match=told):
        expected_calibration_error(
            torch.tensor(probabilities), torch.ones(len(probabilities), dtype=torch.bool), bins
        )


def test_probabilities_that_are_none():
    with pytest.raises(UserError, match="lie in"):
        expected_calibration_error(torch.tensor([float("nan")]), torch.tensor([True]))


def test_a_fitted_query_is_calibrated_on_another_half_of_a_synthetic_scene():
    """Two things that share most of their features, as in CLIP, and noise; truth is known."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.linalg.qr(torch.randn(16, 3, generator=generator)).Q.T
    which = torch.randint(2, (20_000,), generator=generator)
    features = directions[which] + 4.0 * directions[2]
    features += 1.2 * torch.randn(20_000, 16, generator=generator)
    truth = which == 0
    asked = Query("fake", directions[:1], directions[1:2], torch.zeros(16))
    fitted = fit_inverse_temperature(margin(features, asked)[::2], truth[::2])
    calibrated = Query(
        "fake", directions[:1], directions[1:2], torch.zeros(16), inverse_temperature=fitted
    )
    before, after = (
        expected_calibration_error(relevancy(features, each)[1::2], truth[1::2])
        for each in (asked, calibrated)
    )
    assert after < 0.03 < before
