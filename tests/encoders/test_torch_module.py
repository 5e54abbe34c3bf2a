"""PyTorch networks of the user's own."""

import importlib
import sys
from types import ModuleType

import pytest
import torch

from condense_ns.encoders import EncoderError, TextImageEncoder, build_encoder

SOURCE = """
import functools
import torch

FACTOR = 2.0

class Talker(torch.nn.Conv2d):
    def __init__(self):
        super().__init__(3, 4, 4, stride=4)

    def encode_text(self, texts):
        return torch.tensor([[3.0, 4.0, 0.0, 0.0]]).repeat(len(texts), 1)

def talker():
    return Talker()

def mute():
    return lambda images: FACTOR * torch.nn.functional.avg_pool2d(images, 4)

partial = functools.partial(mute)

def dropout():
    return torch.nn.Dropout(0.5)

def wrong_text():
    network = Talker()
    network.encode_text = lambda texts: torch.ones(len(texts), 3)
    return network

def changing():
    sizes = iter([4, 4, 2])
    return lambda images: torch.nn.functional.avg_pool2d(images, next(sizes))

def nothing():
    return None

def broken():
    raise RuntimeError("no weights")

def fixed_size():
    def network(images):
        assert images.shape[-1] == 224, "224 pixels only"
        return images
    return network

def vector():
    return lambda images: images.mean(dim=(2, 3))

def halving(images, times):
    # Joins what was kept before each halving, as a U-Net does: colours, and means of colours.
    if times == 0:
        return images
    below = halving(torch.nn.functional.avg_pool2d(images, 2), times - 1)
    below = torch.nn.functional.interpolate(below, scale_factor=2.0)
    return torch.cat([images, below], dim=1)

def unet():
    return lambda images: halving(images, 3)

def coarse_unet():
    # A cell of 4 pixels, multiples of 32 pixels.
    return lambda images: halving(torch.nn.functional.avg_pool2d(images, 4), 3)

def divided_by_seven():
    return lambda images: halving(torch.nn.functional.avg_pool2d(images, 7), 6)

def multiples_of_twelve():
    def network(images):
        if images.shape[-1] % 12:
            raise ValueError("12 pixels")
        return torch.nn.functional.avg_pool2d(images, 12)
    return network
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A function that writes the module `networks`."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(source=SOURCE):
        (tmp_path / "networks.py").write_text(source)
        sys.modules.pop("networks", None)
        importlib.invalidate_caches()

    write()
    yield write
    sys.modules.pop("networks", None)


def test_a_function_is_a_network(write):
    encoder = build_encoder("torch:networks:mute", image_size=16)
    image = torch.rand(2, 3, 16, 12)
    expected = 2 * torch.nn.functional.avg_pool2d(image, 4).permute(0, 2, 3, 1)
    torch.testing.assert_close(encoder.encode(image), expected)
    assert not isinstance(encoder, TextImageEncoder)


def test_text_is_scaled_to_unit_length(write):
    encoder = build_encoder("torch:networks:talker")
    assert isinstance(encoder, TextImageEncoder)
    expected = torch.tensor([[0.6, 0.8, 0.0, 0.0]]).repeat(2, 1)
    torch.testing.assert_close(encoder.encode_text(["a", "b"]), expected)


@pytest.mark.parametrize(
    ("name", "patch_size", "step"), [("unet", 1, 8), ("coarse_unet", 4, 32), ("mute", 4, 4)]
)
def test_images_have_sides_that_the_network_takes(write, name, patch_size, step):
    """A U-Net fails on sides that it cannot halve, so answering at all proves the multiple."""
    encoder = build_encoder(f"torch:networks:{name}", image_size=100)
    assert encoder.patch_size == patch_size
    for height, width in [(75, 100), (100, 75), (10, 90), (480, 270)]:
        sides = tuple(cells * patch_size for cells in encoder.grid_size(height, width))
        assert max(sides) == 100 // step * step
        assert all(side % step == 0 for side in sides)
        maps = encoder.encode(torch.rand(1, 3, height, width))
        assert maps.shape[1:3] == encoder.grid_size(height, width)


def test_cells_of_a_network_with_skip_connections_are_in_their_places(write):
    """The first channels of the U-Net's answer are the colours themselves."""
    image = torch.rand(1, 3, 48, 64)
    maps = build_encoder("torch:networks:unet", image_size=64).encode(image)
    assert maps.shape == (1, 48, 64, 12)
    assert torch.equal(maps[..., :3], image.permute(0, 2, 3, 1))
    means = torch.nn.functional.avg_pool2d(image, 8).permute(0, 2, 3, 1)
    torch.testing.assert_close(maps[:, 4::8, 4::8, 9:], means)


def test_a_network_that_fails_on_the_first_probe_is_asked_again(write):
    assert build_encoder("torch:networks:multiples_of_twelve").patch_size == 12


def test_an_image_size_below_the_step_is_refused(write):
    with pytest.raises(
        EncoderError, match="image_size 31 is smaller than the smallest image of 32"
    ):
        build_encoder("torch:networks:coarse_unet", image_size=31)


@pytest.mark.parametrize("name", ["mute", "partial"])
def test_fingerprint_follows_the_source(write, name):
    first = build_encoder(f"torch:networks:{name}").fingerprint
    assert build_encoder(f"torch:networks:{name}").fingerprint == first
    write(SOURCE.replace("FACTOR = 2.0", "FACTOR = 3.25"))
    assert build_encoder(f"torch:networks:{name}").fingerprint != first


def test_fingerprint_follows_weights_that_change_without_the_source(write, tmp_path):
    def fingerprint(seed):
        torch.manual_seed(seed)
        return build_encoder("torch:networks:talker").fingerprint

    assert fingerprint(0) == fingerprint(0)
    assert fingerprint(0) != fingerprint(1)


def test_a_network_is_frozen_in_evaluation_mode(write):
    encoder = build_encoder("torch:networks:dropout", image_size=16)
    image = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(encoder.encode(image), image.permute(0, 2, 3, 1))


def test_a_module_without_source_is_refused(monkeypatch):
    module = ModuleType("sourceless")
    vars(module)["network"] = lambda: lambda images: images
    monkeypatch.setitem(sys.modules, "sourceless", module)
    with pytest.raises(EncoderError, match="source cannot be read, so changes of it would go"):
        build_encoder("torch:sourceless:network")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("torch:networks", "expected torch:<module>:<callable>"),
        ("torch:no_such_module:network", "the module must be importable"),
        ("torch:networks:no_such_name", "has no attribute 'no_such_name'"),
        ("torch:networks:FACTOR", "FACTOR is not callable"),
        ("torch:networks:nothing", "returned a NoneType; expected a torch.nn.Module"),
        ("torch:networks:broken", r"calling it failed \(no weights\)"),
        ("torch:networks:fixed_size", r"fails on an image .*\(224 pixels only\)"),
        (
            "torch:networks:divided_by_seven",
            r"fails on an image of 504 x 392 pixels .* or of up to 64",
        ),
        ("torch:networks:vector", r"answers the shape \(1, 3\) .* expected \(1, channels, rows"),
    ],
)
def test_what_is_no_network_is_refused(write, spec, message):
    with pytest.raises(EncoderError, match=message):
        build_encoder(spec)


def test_answers_of_another_shape_are_refused(write):
    with pytest.raises(EncoderError, match=r"encode_text answered \(1, 3\) .* expected \(1, 4\)"):
        build_encoder("torch:networks:wrong_text").encode_text(["a"])
    with pytest.raises(EncoderError, match=r"answered \(1, 3, 8, 8\) .* expected \(1, 3, 4, 4\)"):
        build_encoder("torch:networks:changing", image_size=16).encode(torch.rand(1, 3, 16, 16))
