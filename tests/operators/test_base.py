"""What an operator does that defines no more than it must."""

import torch

from condense_ns.operators import Click, OperatorOptions, build_operator


def test_an_operator_needs_no_preparation_and_has_no_classes():
    operator = build_operator("rgb")
    operator.prepare([])
    assert operator.labels(torch.rand(4, 5, 3)) is None
    assert (operator.label_names, operator.needed_views) == ((), ())


def test_clicks_are_positive_unless_said():
    assert Click(3, 1.5, 2.5).positive
    assert OperatorOptions().clicks == ()
