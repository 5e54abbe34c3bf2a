"""Distances of answers, by hand."""

import pytest
import torch

from condense_ns.metrics.answer_agreement import answer_distance, sharpness

NONE = torch.zeros(2)


def test_features_are_compared_by_the_cosine_after_the_mean_is_taken_away():
    first, second = torch.tensor([[2.0, 1.0], [1.0, 3.0]]), torch.tensor([[3.0, 1.0], [3.0, 1.0]])
    mean = torch.tensor([1.0, 1.0])
    assert answer_distance("features", first, second, mean) == pytest.approx(
        0.5
    )  # same, at right angles
    assert answer_distance("features", first, first, mean) == pytest.approx(0.0)


def test_labels_differ_or_not():
    first, second = (
        torch.tensor([[1.0], [2.0], [3.0], [4.0]]),
        torch.tensor([[1.0], [0.0], [3.0], [4.0]]),
    )
    assert answer_distance("labels", first, second, NONE) == 0.25


def test_pictures_differ_by_their_root_mean_square():
    first, second = torch.zeros(2, 3), torch.tensor([[0.3, 0.0, 0.0], [0.0, 0.3, 0.3]])
    assert answer_distance("picture", first, second, NONE) == pytest.approx(0.3 / 2**0.5)


def test_sharpness_counts_steps_between_pixels():
    stripes = torch.tensor([0.0, 1.0, 0.0, 1.0]).expand(3, 2, 4)
    assert sharpness(stripes) == pytest.approx(1.0)
    assert sharpness(torch.full((3, 4, 4), 0.5)) == 0.0
