"""Scores as colours."""

import torch

from condense_ns.rendering.heat import heat_colours


def test_low_is_blue_middle_is_green_high_is_red():
    low, middle, high = heat_colours(torch.tensor([0.1, 0.5, 0.9]))
    assert low.argmax() == 2
    assert middle.argmax() == 1
    assert high.argmax() == 0


def test_scores_beyond_are_clamped_and_nan_is_zero():
    scores = torch.tensor([[-1.0, float("nan"), 0.0], [1.0, 7.0, float("inf")]])
    colours = heat_colours(scores)
    assert colours.shape == (2, 3, 3)
    assert (colours[0] == colours[0, 2]).all()
    assert (colours[1] == colours[1, 0]).all()
    assert ((colours >= 0) & (colours <= 1)).all()
