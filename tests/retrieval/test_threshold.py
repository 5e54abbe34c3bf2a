"""Thresholds from made-up distributions of scores, and what a query makes of them."""

import math
from dataclasses import replace

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.retrieval import threshold as threshold_module
from condense_ns.retrieval.relevancy import Query, Rule, relevancy
from condense_ns.retrieval.threshold import automatic_threshold, with_threshold

COUNT = 8192
X, Y, Z = torch.eye(3)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def two_modes(share, distance, count=COUNT, seed=0):
    """Normal background about 0; a share of the scores `distance` standard deviations higher."""
    scores = torch.randn(count, generator=generator(seed))
    scores[: round(share * count)] += distance
    return scores


NOISE = {
    "normal": torch.special.ndtri,
    "flat": lambda uniform: uniform,
    "half of a normal and a spike": lambda uniform: torch.special.ndtri(uniform).clamp_min(0.0),
    "exponential": lambda uniform: -uniform.log(),
    "steep": lambda uniform: uniform**3,
    "a few far away": lambda uniform: torch.tan(1.3 * (2.0 * uniform - 1.0)),
}


def query(rule: Rule = "cosine", threshold=None, **fields):
    negatives = Y[None] if rule == "softmax" else torch.zeros(0, 3)
    return Query("fake", X[None], negatives, torch.zeros(3), rule, threshold, "a chair", **fields)


def test_two_values_by_hand():
    scores = torch.cat([torch.full((60,), 0.2), torch.full((40,), 0.8)])
    assert automatic_threshold(scores) == pytest.approx(0.5)


def test_three_values_by_hand():
    """They fall into bins 0, 32 and 63; the last two lie closer together."""
    scores = torch.tensor([0.0, 1.0, 2.0]).repeat_interleave(100)
    assert automatic_threshold(scores) == pytest.approx(2.0 * (1 + 32) / 2 / 64)


def test_of_equal_errors_the_middle_of_the_last_run():
    error = torch.tensor([1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0])
    assert threshold_module._last_lowest(error) == 6.0


def slow_error(counts, border):
    """Kittler and Illingworth with one number per score."""
    values = [place + 0.5 for place, count in enumerate(counts) for _ in range(int(count))]
    total = 0.0
    for side in ([v for v in values if v < border], [v for v in values if v > border]):
        if not side:
            return math.inf
        share, mean = len(side) / len(values), sum(side) / len(side)
        variance = sum((v - mean) ** 2 for v in side) / len(side) + 1 / 12
        total += share * (0.5 * math.log(variance) - math.log(share))
    return total


def test_the_error_agrees_with_a_loop():
    counts = torch.tensor([0.0, 3.0, 7.0, 2.0, 0.0, 0.0, 1.0, 4.0, 0.0]).double()
    found = threshold_module._classification_error(counts)
    expected = [slow_error(counts, border) for border in range(1, 9)]
    assert found.tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.03, 0.01])
@pytest.mark.parametrize("distance", [8.0, 12.0])
def test_what_stands_out_is_found_whatever_its_share(share, distance):
    scores = two_modes(share, distance)
    found = scores > automatic_threshold(scores)
    truth = torch.arange(COUNT) < round(share * COUNT)
    assert (found != truth).float().mean() < 0.001


def test_otsu_would_have_cut_the_background():
    """Why the criterion is another one: between-class variance is larger inside the background."""
    scores = two_modes(0.01, 8.0).double()

    def between(cut):
        low, high = scores[scores <= cut], scores[scores > cut]
        return len(low) * len(high) * (high.mean() - low.mean()) ** 2

    assert between(0.0) > between(4.0)
    assert 3.0 < automatic_threshold(scores) < 6.0


def test_overlapping_modes_are_cut_where_they_cross():
    assert automatic_threshold(two_modes(0.5, 5.0)) == pytest.approx(2.5, abs=0.4)
    assert automatic_threshold(two_modes(0.1, 6.0)) > 3.0  # nearer to the rare one


@pytest.mark.parametrize("kind", NOISE)
@pytest.mark.parametrize("count", [1, 2, 10, 200, COUNT, 100_000])
def test_in_noise_nothing_stands_out(kind, count):
    for seed in range(5):
        uniform = torch.rand(count, generator=generator(seed)).clamp(1e-6, 1 - 1e-6)
        scores = NOISE[kind](uniform)
        assert automatic_threshold(scores) == scores.max().item()


@pytest.mark.parametrize("value", [0.0, 0.3, -7.0])
def test_all_equal_even_up_to_rounding(value):
    scores = torch.full((COUNT,), value)
    assert automatic_threshold(scores) == scores[0].item()
    rounded = scores * (1.0 + torch.finfo(torch.float32).eps * (torch.arange(COUNT) % 2))
    assert automatic_threshold(rounded) == rounded.max().item()


@pytest.mark.parametrize(("factor", "shift"), [(4.0, 0.0), (0.125, 3.0), (100.0, -50.0)])
def test_scaled_and_shifted_scores_have_a_scaled_and_shifted_threshold(factor, shift):
    scores = two_modes(0.05, 9.0).double()
    expected = factor * automatic_threshold(scores) + shift
    width = factor * (scores.max() - scores.min()).item() / threshold_module.BINS
    assert automatic_threshold(factor * scores + shift) == pytest.approx(expected, abs=width)
    noise = torch.randn(COUNT, generator=generator())
    changed = factor * noise + shift
    assert automatic_threshold(changed) == changed.max().item()


def test_order_and_shape_do_not_matter():
    scores = two_modes(0.2, 8.0)
    mixed = scores[torch.randperm(COUNT, generator=generator())].reshape(2, -1, 4)
    assert automatic_threshold(mixed) == automatic_threshold(scores)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_scores_that_are_none(wrong):
    with pytest.raises(UserError, match="no scores"):
        automatic_threshold(torch.zeros(0))
    with pytest.raises(UserError, match="not finite"):
        automatic_threshold(torch.tensor([0.0, wrong]))


def scene(share=0.1):
    """Features like X on a share of the scene, else like Y, with some noise."""
    directions = torch.where(torch.rand(COUNT, 1, generator=generator()) < share, X, Y)
    return directions + 0.05 * torch.randn(COUNT, 3, generator=generator(1))


@pytest.mark.parametrize("rule", ["cosine", "softmax"])
@pytest.mark.parametrize("inverse_temperature", [1.0, 10.0, 100.0])
def test_a_query_finds_its_share_of_the_scene(rule, inverse_temperature):
    asked = query(rule, inverse_temperature=inverse_temperature)
    chosen = with_threshold(asked, scene())
    found = relevancy(scene(), chosen) > chosen.cut
    assert found.float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert replace(chosen, threshold=None).label == asked.label


def test_a_number_stays():
    asked = query(threshold=0.7)
    assert with_threshold(asked, scene()) is asked


@pytest.mark.parametrize("inverse_temperature", [10.0, 100.0])
def test_noise_about_words_is_not_split(inverse_temperature):
    """Relevancies crowd at 0 and 1 with such a temperature; the margins do not."""
    noise = torch.randn(COUNT, 3, generator=generator()) + 4.0 * (X + Y)
    asked = with_threshold(query("softmax", inverse_temperature=inverse_temperature), noise)
    assert not (relevancy(noise, asked) > asked.cut).any()


def test_an_example_that_does_not_stand_out_is_cut_at_half_the_cosine():
    noise = torch.randn(COUNT, 3, generator=generator())
    assert with_threshold(query(), noise).threshold == 0.5


def test_samples_that_are_none():
    with pytest.raises(UserError, match="no surface"):
        with_threshold(query(), torch.zeros(0, 3))
    with pytest.raises(UserError, match="not finite"):
        with_threshold(query(), torch.full((9, 3), float("nan")))
