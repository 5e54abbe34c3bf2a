"""Agreement of rendered with true features (methods.md 7.1)."""

import math

import pytest
import torch

from condense_ns.metrics.feature_agreement import centred_cosine, feature_agreement, nan_mean

ALL = torch.ones(2, dtype=torch.bool)


def test_three_cells_by_hand():
    mean = torch.tensor([1.0, 1.0])
    truth = torch.tensor([[2.0, 1.0], [1.0, 3.0], [9.0, 9.0]])
    rendered = torch.tensor([[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]])
    found = feature_agreement(rendered, truth, mean, torch.tensor([True, True, False]))
    # Centred: (1, 0) against (0, 1) and (0, 2) against (0, 1).
    assert found["cos_c"] == pytest.approx((0 + 1) / 2)
    assert found["cosine"] == pytest.approx((4 / 5 + 7 / math.sqrt(50)) / 2)
    assert found["r2"] == pytest.approx(1 - (2 + 1) / (1 + 4))
    assert found["coverage"] == pytest.approx(2 / 3)


def test_perfect_features_get_one_and_the_constant_mean_gets_nothing():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(50, 8, generator=generator) + 20
    mean, valid = truth.mean(dim=0), torch.ones(50, dtype=torch.bool)
    perfect = feature_agreement(truth, truth, mean, valid)
    assert perfect == {key: pytest.approx(1.0, abs=1e-5) for key in perfect}
    constant = feature_agreement(mean.expand(50, 8), truth, mean, valid)
    assert constant["r2"] == pytest.approx(0.0, abs=1e-6)
    assert constant["cos_c"] == 0.0
    assert constant["cosine"] > 0.9  # which is why the centred one is the headline


def test_a_centred_zero_vector_has_cosine_zero():
    mean = torch.tensor([1.0, 2.0])
    assert centred_cosine(mean[None], torch.tensor([[5.0, 5.0]]), mean).tolist() == [0.0]


def test_the_mean_may_be_moved_together_with_both_features():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 3, 4, 6, generator=generator)
    shift = torch.randn(6, generator=generator)
    found = centred_cosine(first + shift, second + shift, shift)
    assert found.shape == (3, 4)
    assert torch.allclose(found, centred_cosine(first, second, torch.zeros(6)), atol=1e-5)


def test_without_valid_cells_there_is_no_number_but_a_coverage():
    found = feature_agreement(torch.ones(2, 3), torch.ones(2, 3), torch.zeros(3), ~ALL)
    assert found.pop("coverage") == 0.0
    assert all(math.isnan(number) for number in found.values())


def test_nan_mean_leaves_out_what_is_no_number():
    nan = float("nan")
    rows = [{"a": 1.0, "b": nan, "c": nan}, {"c": nan, "a": 3.0, "b": 5.0}]
    found = nan_mean(rows)
    assert (found["a"], found["b"]) == (2.0, 5.0)
    assert math.isnan(found["c"])
