"""Colours from lightness."""

import pytest
import torch
from kornia.color import lab_to_rgb, rgb_to_lab

from condense_ns.operators import OperatorError, build_operator
from condense_ns.operators.checking import checked_decode, checked_encode
from condense_ns.operators.colourise import parse_colourise

SOURCE = """
import torch

def by_lightness():
    '''a is the lightness, b its opposite.'''
    def network(images):
        assert torch.equal(images[:, 0], images[:, 2])
        light = torch.nn.functional.avg_pool2d(images[:, :1], 4)
        return torch.cat([light, -light], dim=1)
    return network

def in_lab():
    return lambda images: 50.0 * by_lightness()(images)

def three():
    return lambda images: torch.nn.functional.avg_pool2d(images, 4)
"""


@pytest.fixture(autouse=True)
def _networks(write_module):
    write_module(SOURCE)


def operator(option="", name="by_lightness"):
    return build_operator(f"colourise:torch:halves:{name}{option}", image_size=32)


def test_the_network_sees_lightness_and_answers_ab(image):
    maps = checked_encode(operator(), image[None])
    light = rgb_to_lab(image[None])[:, 0] / 100
    expected = torch.nn.functional.avg_pool2d(light, 4)
    torch.testing.assert_close(maps[..., 0], expected)
    torch.testing.assert_close(maps[..., 1], -expected)


def test_colours_of_the_photograph_do_not_matter(image):
    light = rgb_to_lab(image[None])[:, :1]
    grey = lab_to_rgb(torch.cat([light, torch.zeros(1, 2, 24, 32)], dim=1))
    assert (grey[0] - image).abs().max() > 0.1
    maps = operator().encode(image[None])
    torch.testing.assert_close(operator().encode(grey), maps, atol=1e-3, rtol=0)


def test_lightness_stays_and_colours_are_the_maps():
    image = torch.full((3, 24, 32), 0.5)
    light = rgb_to_lab(image[None])[0, 0, 0, 0]
    ab = torch.tensor([0.1, -0.2])
    answer = checked_decode(operator(), ab.expand(6, 8, 2).contiguous(), image)
    lab = rgb_to_lab(answer.permute(2, 0, 1)[None])[0, :, 5, 5]
    torch.testing.assert_close(lab, torch.tensor([light, 11.0, -22.0]), atol=0.05, rtol=0)
    assert torch.equal(operator().picture(answer), answer.permute(2, 0, 1))


def test_true_colours_give_the_photograph_back():
    """With the ab of the image itself at every pixel, nothing is lost."""
    image = torch.rand(3, 24, 32) * 0.8 + 0.1
    ab = rgb_to_lab(image[None])[0, 1:].permute(1, 2, 0) / 110
    answer = operator().decode(ab.contiguous(), image)
    torch.testing.assert_close(answer, image.permute(1, 2, 0), atol=1e-3, rtol=0)


def test_the_range_is_what_one_stands_for(image):
    plain = operator("?ab=50")
    in_lab = operator("?ab=1", "in_lab")
    answer = plain.decode(plain.encode(image[None])[0], image)
    torch.testing.assert_close(in_lab.decode(in_lab.encode(image[None])[0], image), answer)


def test_colours_outside_of_rgb_are_cut():
    answer = operator().decode(torch.ones(6, 8, 2), torch.full((3, 24, 32), 0.9))
    assert 0.0 <= answer.min() <= answer.max() <= 1.0


def test_specs():
    assert parse_colourise("colourise:net.onnx") == ("onnx:net.onnx?input=unit", 110.0)
    assert parse_colourise("colourise:net.onnx#ab?ab=128") == ("onnx:net.onnx#ab?input=unit", 128.0)
    assert parse_colourise("colourise:torch:mine:network") == ("torch:mine:network", 110.0)


@pytest.mark.parametrize(
    "spec", ["net.onnx?ab=0", "net.onnx?ab=x", "net.onnx?range=3", "?ab=3", "net?ab=inf"]
)
def test_specs_that_cannot_be_read(spec):
    with pytest.raises(
        OperatorError, match=r"expected colourise:<file.onnx or torch:module:callable>"
    ):
        parse_colourise(f"colourise:{spec}")


def test_other_networks_are_refused(tmp_path):
    with pytest.raises(OperatorError, match="answers 3 channels; expected 2, CIELAB's a and b"):
        operator(name="three")
    with pytest.raises(ValueError, match=r"gone\.onnx is no file"):
        build_operator(f"colourise:{tmp_path / 'gone.onnx'}")
