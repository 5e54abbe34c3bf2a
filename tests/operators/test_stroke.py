"""Segmentation of what was clicked."""

import pytest
import torch

from condense_ns.operators import (
    Click,
    OperatorError,
    OperatorOptions,
    SourceMap,
    build_operator,
)

SPEC = "stroke:torch:colour_network:network"


def stroke(*clicks):
    return build_operator(SPEC, image_size=40, options=OperatorOptions(clicks=clicks))


@pytest.fixture
def image():
    """A red square on green, in the corner a blue one; with a little noise."""
    colours = torch.zeros(3, 40, 40)
    colours[1] = 0.8
    colours[:, 8:24, 8:24] = torch.tensor([0.8, 0.0, 0.0])[:, None, None]
    colours[:, 28:, 28:] = torch.tensor([0.0, 0.0, 0.8])[:, None, None]
    noise = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(0))
    return (colours + 0.1 * noise).clamp(0, 1)


def source(operator, image, view=0):
    return SourceMap(view, operator.encode(image[None])[0], *image.shape[-2:])


def segmented(operator, image):
    operator.prepare([source(operator, image)])
    answer = operator.decode(operator.encode(image[None])[0], image)
    torch.testing.assert_close(answer.sum(dim=-1), torch.ones(40, 40))
    return operator.labels(answer) == 1


def test_scores_by_hand():
    operator = stroke(Click(7, 1.0, 0.5), Click(7, 3.0, 0.5, positive=False))
    feature_map = torch.tensor([[[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]])
    operator.prepare([SourceMap(7, feature_map, 1, 4)])  # cells of 2 pixels; their mean is 0
    view = torch.tensor([[[0.0, 3.0, 4.0], [2.0, 0.0, 0.0], [-0.8, 0.6, 0.0]]])
    answer = operator.decode(view, torch.zeros(3, 1, 3))
    # Two cosines do not fall in two, so the cut is 0.5: 0 - 0.5, 1 - 0.5 and -0.8 - 0.8.
    expected = torch.sigmoid(10 * torch.tensor([-0.5, 0.5, -1.6]))
    torch.testing.assert_close(answer[0, :, 1], expected)
    assert operator.needed_views == (7,)
    assert operator.label_names == ("background", "clicked")


@pytest.mark.parametrize("negative", [(), (Click(0, 34.0, 6.0, positive=False),)])
def test_the_clicked_thing_is_found(image, negative):
    found = segmented(stroke(Click(0, 16.0, 16.0), *negative), image)
    assert found[10:22, 10:22].all()
    assert not found[:6].any()
    assert not found[30:, 30:].any()


def test_a_negative_click_takes_away(image):
    both = Click(0, 16.0, 16.0), Click(0, 36.0, 36.0)
    purple = image.clone()
    purple[0, 28:, 28:] = 0.5  # near to blue, and clicked as what is not wanted
    operator = stroke(*both, Click(1, 36.0, 36.0, positive=False))
    operator.prepare([source(operator, image), source(operator, purple, 1)])
    answer = operator.decode(operator.encode(purple[None])[0], purple)
    assert answer[10:22, 10:22, 1].min() > 0.5
    assert answer[30:, 30:, 1].max() < 0.5


def test_two_positives_of_different_looks(image):
    found = segmented(stroke(Click(0, 16.0, 16.0), Click(0, 36.0, 36.0)), image)
    assert found[10:22, 10:22].all()
    assert found[30:, 30:].all()
    assert not found[:6].any()


def test_clicks_carry_over_to_another_view(image):
    operator = stroke(Click(0, 16.0, 16.0))
    operator.prepare([source(operator, image), source(operator, image[:, :, :32].contiguous(), 1)])
    mirrored = image.flip(-1)
    answer = operator.decode(operator.encode(mirrored[None])[0], mirrored)
    assert answer[10:22, 18:30, 1].min() > 0.5


def test_a_scene_that_is_all_alike_is_no_trouble(image):
    found = segmented(stroke(Click(0, 16.0, 16.0)), torch.full_like(image, 0.5))
    assert found.shape == (40, 40)


@pytest.mark.parametrize("clicks", [(), (Click(0, 1.0, 1.0, positive=False),)])
def test_something_must_be_looked_for(clicks):
    with pytest.raises(OperatorError, match="no positive click; say with the option clicks"):
        stroke(*clicks)


def test_clicks_that_cannot_be_looked_up(image):
    operator = stroke(Click(3, 16.0, 16.0))
    with pytest.raises(
        OperatorError, match=r"view 3 was clicked but its map is missing; known are \[0\]"
    ):
        operator.prepare([source(operator, image)])
    operator = stroke(Click(0, 16.0, 41.0))
    with pytest.raises(OperatorError, match=r"\(16, 41\) lies outside view 0, which has 40 x 40"):
        operator.prepare([source(operator, image)])
    with pytest.raises(OperatorError, match="clicks are not looked up; call prepare"):
        operator.decode(torch.zeros(10, 10, 3), image)
