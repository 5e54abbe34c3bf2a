"""Recall and average precision by hand."""

import math

import pytest

from condense_ns.metrics.ranking import average_precision, recall_at


def test_recall_counts_questions_with_an_answer_near_the_top():
    rankings = [[True, False], [False, True], [False, False], []]
    assert recall_at(rankings, 1) == 0.25
    assert recall_at(rankings, 2) == 0.5
    assert math.isnan(recall_at([], 1))


def test_average_precision_by_hand():
    assert average_precision([True, False, True], 2) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([True], 2) == 0.5
    assert average_precision([False, False], 3) == 0.0
    assert math.isnan(average_precision([False], 0))
