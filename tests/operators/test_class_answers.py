"""Scores of classes as labels and colours."""

import torch

from condense_ns.operators.class_answers import ClassOperator, label_picture
from condense_ns.rendering.class_colours import MOST_CLASSES, class_colours


def test_the_background_is_grey_and_colours_come_again():
    labels = torch.tensor([[0, 1, MOST_CLASSES, MOST_CLASSES + 1]])
    plain = label_picture(labels, ("table", "chair"))
    assert torch.equal(plain.permute(1, 2, 0), class_colours(torch.tensor([[0, 1, 0, 1]])))
    grey = label_picture(labels, ("background", "chair"))
    expected = class_colours(torch.tensor([[-1, 0, MOST_CLASSES - 1, 0]]))
    assert torch.equal(grey.permute(1, 2, 0), expected)


def test_classes_are_lifted_to_finer_cells_than_the_encoder_has():
    class Coarse(ClassOperator):
        def grid_size(self, height, width):  # pyright: ignore[reportIncompatibleMethodOverride]
            return 12, 16

        def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
            return feature_map

    operator = Coarse.__new__(Coarse)
    assert operator.lifted_size(240, 320) == (24, 32)
    assert operator.lifted_size(18, 20) == (18, 20)  # a cell per pixel is enough
    assert operator.lifted_size(6, 8) == (12, 16)  # never coarser than the encoder's
