"""Scores of classes as labels and colours."""

import torch

from condense_ns.operators.class_answers import label_picture
from condense_ns.rendering.class_colours import MOST_CLASSES, class_colours


def test_the_background_is_grey_and_colours_come_again():
    labels = torch.tensor([[0, 1, MOST_CLASSES, MOST_CLASSES + 1]])
    plain = label_picture(labels, ("table", "chair"))
    assert torch.equal(plain.permute(1, 2, 0), class_colours(torch.tensor([[0, 1, 0, 1]])))
    grey = label_picture(labels, ("background", "chair"))
    expected = class_colours(torch.tensor([[-1, 0, MOST_CLASSES - 1, 0]]))
    assert torch.equal(grey.permute(1, 2, 0), expected)
