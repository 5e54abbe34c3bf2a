"""Part IoU by hand."""

import math

import pytest
import torch

from condense_ns.metrics.part_iou import part_figures, shape_iou


def test_a_case_by_hand():
    truth = torch.tensor([4, 4, 4, 5, 5, -1])
    predicted = torch.tensor([4, 4, 5, 5, 5, 4])
    # Part 4: 2 of 3; part 5: 2 of 3; part 6 is neither there nor answered: 1. The last is unknown.
    assert shape_iou(predicted, truth, (4, 5, 6)) == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_an_answer_that_is_not_there_counts_as_nothing():
    assert shape_iou(torch.tensor([1, 1]), torch.tensor([0, 1]), (0, 1)) == pytest.approx(0.25)


def test_shapes_and_categories_are_averaged_apart():
    found = part_figures([1.0, 0.5, 0.2], [7, 7, 3])
    assert found["instance_iou"] == pytest.approx(1.7 / 3)
    assert found["class_iou"] == pytest.approx((0.75 + 0.2) / 2)


def test_nothing_gives_no_number():
    assert all(math.isnan(value) for value in part_figures([], []).values())
