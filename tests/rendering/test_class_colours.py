"""Colours of classes are distinct, also without the contrast of red and green."""

import torch

from condense_ns.rendering.class_colours import HUES, MOST_CLASSES, class_colours

# Linear RGB as someone without red cones sees it: F. Vienot, H. Brettel and J. Mollon, 1999.
PROTANOPIA = torch.tensor([[0.11, 0.89, 0.0], [0.11, 0.89, 0.0], [0.004, -0.004, 1.0]])


def test_labels_by_hand():
    colours = class_colours(torch.tensor([[0, -1], [4, 7]]))
    assert colours.shape == (2, 2, 3)
    assert torch.allclose(255 * colours[0, 0], torch.tensor([230.0, 159.0, 0.0]))
    assert torch.allclose(255 * colours[0, 1], torch.tensor([40.0, 40.0, 40.0]))
    assert (colours[1, 1] < colours[0, 0]).any()


def test_all_are_in_range_and_distinct():
    colours = class_colours(torch.arange(-1, MOST_CLASSES))
    assert ((colours >= 0) & (colours <= 1)).all()
    assert torch.pdist(colours).min() > 0.1


def test_the_hues_stay_apart_without_red_cones():
    seen = class_colours(torch.arange(len(HUES))) ** 2.2 @ PROTANOPIA.T
    assert torch.pdist(seen.clamp_min(0.0) ** (1 / 2.2)).min() > 0.1
