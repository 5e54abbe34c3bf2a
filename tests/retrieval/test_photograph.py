"""Photographs of every kind of file."""

import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.errors import UserError
from condense_ns.retrieval.photograph import read_photograph, read_picture

ORANGE = (255, 128, 0)
SHARES = torch.tensor([1.0, 128 / 255, 0.0])


def saved(picture: Image.Image, path: Path, **options) -> Path:
    picture.save(path, **options)
    return path


def everywhere(rgb, colour):
    return torch.as_tensor(colour)[:, None, None].expand_as(rgb)


def noted(**tags):
    exif = Image.Exif()
    if "turn" in tags:
        exif[0x0112] = tags["turn"]
    if "focal" in tags:
        exif.get_ifd(0x8769)[0xA405] = tags["focal"]
    return exif


def test_colours(tmp_path):
    photograph = read_photograph(saved(Image.new("RGB", (24, 16), ORANGE), tmp_path / "a.png"))
    assert (photograph.width, photograph.height) == (24, 16)
    assert photograph.rgb.dtype == torch.float32
    assert photograph.rgb.is_contiguous()
    assert torch.allclose(photograph.rgb, everywhere(photograph.rgb, SHARES))
    assert photograph.focal_hint is None


def test_grey_is_repeated(tmp_path):
    rgb = read_photograph(saved(Image.new("L", (20, 20), 51), tmp_path / "a.png")).rgb
    assert torch.allclose(rgb, torch.full((3, 20, 20), 0.2))


def test_sixteen_bits_keep_their_depth(tmp_path):
    values = np.linspace(0, 65535, 400).round().astype(np.uint16).reshape(20, 20)
    rgb = read_photograph(saved(Image.fromarray(values), tmp_path / "a.png")).rgb
    expected = torch.from_numpy(values.astype(np.float32) / 65535)
    assert torch.allclose(rgb, expected.expand(3, 20, 20))
    assert len(rgb[0].unique()) == 400


def test_sixteen_bit_colours_are_scaled(tmp_path):
    rows = (b"\x00" + struct.pack(">HHH", 65535, 32768, 0) * 16) * 16
    header = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    content = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    rgb = read_photograph(tmp_path / "a.png").rgb
    assert torch.allclose(rgb, everywhere(rgb, [1.0, 0.5, 0.0]), atol=1 / 255)


def test_what_is_transparent_lies_on_black(tmp_path):
    path = saved(Image.new("RGBA", (16, 16), (*ORANGE, 51)), tmp_path / "a.png")
    rgb = read_photograph(path).rgb
    assert torch.allclose(rgb, everywhere(rgb, SHARES * 0.2), atol=1e-6)
    grey = read_photograph(saved(Image.new("LA", (16, 16), (255, 0)), tmp_path / "b.png")).rgb
    assert grey.max() == 0.0


def test_palettes(tmp_path):
    picture = Image.new("P", (16, 16), 1)
    picture.putpalette([0, 0, 0, *ORANGE])
    rgb = read_photograph(saved(picture, tmp_path / "a.png")).rgb
    assert torch.allclose(rgb, everywhere(rgb, SHARES))
    assert read_photograph(saved(picture, tmp_path / "b.png", transparency=1)).rgb.max() == 0.0


def test_printing_colours(tmp_path):
    path = saved(Image.new("CMYK", (16, 16), (0, 127, 255, 0)), tmp_path / "a.jpg", quality=95)
    rgb = read_photograph(path).rgb
    assert torch.allclose(rgb, everywhere(rgb, SHARES), atol=0.03)


def test_black_and_white(tmp_path):
    assert read_photograph(saved(Image.new("1", (16, 16), 1), tmp_path / "a.png")).rgb.min() == 1.0


def test_pictures_are_turned_upright(tmp_path):
    picture = Image.new("RGB", (32, 16))
    picture.paste(ORANGE, (0, 0, 16, 16))
    path = saved(picture, tmp_path / "a.png", exif=noted(turn=6))  # a quarter to the right
    photograph = read_photograph(path)
    assert (photograph.width, photograph.height) == (16, 32)
    assert photograph.rgb[0, :16].min() == 1.0
    assert photograph.rgb[0, 16:].max() == 0.0


def test_the_noted_focal_length_is_that_of_35_mm_film(tmp_path):
    picture = Image.new("RGB", (36, 24))
    path = saved(picture, tmp_path / "a.jpg", exif=noted(focal=28))
    assert read_photograph(path).focal_hint == pytest.approx(28.0)  # one pixel per millimetre
    turned = saved(picture, tmp_path / "b.jpg", exif=noted(focal=28, turn=6))
    assert read_photograph(turned).focal_hint == pytest.approx(28.0)
    wide = saved(Image.new("RGB", (40, 30)), tmp_path / "c.jpg", exif=noted(focal=50))
    expected = 50.0 * 50.0 / math.hypot(36, 24)  # by the diagonal
    assert read_photograph(wide).focal_hint == pytest.approx(expected)


@pytest.mark.parametrize("focal", [0, "wide"])
def test_a_focal_length_that_says_nothing(tmp_path, focal):
    path = saved(Image.new("RGB", (36, 24)), tmp_path / "a.jpg", exif=noted(focal=focal))
    assert read_photograph(path).focal_hint is None


@pytest.mark.parametrize(
    ("size", "sentence"),
    [((8, 40), "is 8 pixels wide; give"), ((40, 15), "is 15 pixels high; give")],
)
def test_pictures_that_are_too_small(tmp_path, size, sentence):
    path = saved(Image.new("RGB", size), tmp_path / "a.png")
    with pytest.raises(UserError, match=sentence):
        read_photograph(path)
    assert read_picture(path).shape == (3, size[1], size[0])


@pytest.mark.parametrize("read", [read_photograph, read_picture])
def test_files_that_are_no_images(tmp_path, read):
    with pytest.raises(UserError, match="there is no image"):
        read(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("words")
    (tmp_path / "empty.png").write_bytes(b"")
    for path in (tmp_path / "text.png", tmp_path / "empty.png", tmp_path):
        with pytest.raises(UserError, match="cannot be read as an image"):
            read(path)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_truncated_image(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / f"a.{ending}")
    for share in (2, 4):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // share])
        with pytest.raises(UserError, match="cannot be read as an image"):
            read_photograph(path)


def test_numbers_without_a_white(tmp_path):
    for name, values in (("f", np.ones((16, 16), np.float32)), ("i", np.full((16, 16), 70_000))):
        path = saved(
            Image.fromarray(values.astype(values.dtype.char.replace("l", "i"))),
            tmp_path / f"{name}.tif",
        )
        with pytest.raises(UserError, match="cannot be read as an image"):
            read_photograph(path)


def test_too_many_pixels(tmp_path, monkeypatch, recwarn):
    path = saved(Image.new("1", (100, 100)), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4_999)
    with pytest.raises(UserError, match="too many pixels to be read; make it smaller"):
        read_photograph(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_999)
    assert read_photograph(path).width == 100
    assert not recwarn.list
