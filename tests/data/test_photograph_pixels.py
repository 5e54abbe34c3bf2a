"""Photographs of any mode have their colours, in training and in scenes of many."""

from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.datasets.base_dataset import InputDataset
from PIL import Image

from condense_ns.data.feature_datamanager import image_source
from condense_ns.data.photograph_pixels import Photographs, is_converted, read_pixels, read_rgb
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.errors import UserError
from tests.data.changed_scenes import copied

ORANGE = (255, 128, 0)


def palette() -> Image.Image:
    picture = Image.new("P", (12, 8), 1)
    picture.putpalette([9, 9, 9, *ORANGE])
    return picture


def deep(value: int) -> Image.Image:
    return Image.fromarray(np.full((8, 12), value, np.uint16))


ODD = {
    "palette.png": (palette(), ORANGE),
    "deep.png": (deep(51 * 257), (51, 51, 51)),
    "deeper.png": (deep(0x8040), (128, 128, 128)),  # modulo 256 it is 64
    "ink.jpg": (Image.new("CMYK", (12, 8), (0, 127, 255, 0)), ORANGE),
    "grey_alpha.png": (Image.new("LA", (12, 8), (200, 255)), (200, 200, 200, 255)),
    "white.png": (Image.new("1", (12, 8), 1), (255, 255, 255)),
}
ANY_ODD = pytest.mark.parametrize("name", list(ODD))


def outputs(file: Path, background: torch.Tensor | None = None) -> DataparserOutputs:
    cameras = Cameras(torch.eye(4)[None, :3], 10.0, 10.0, 6.0, 4.0, 12, 8)
    return DataparserOutputs([file], cameras, alpha_color=background)


@ANY_ODD
def test_numbers_that_are_no_colours_are_converted(tmp_path: Path, name: str):
    picture, colour = ODD[name]
    picture.save(tmp_path / name)
    pixels = read_pixels(tmp_path / name)
    assert pixels.shape == (8, 12, len(colour))
    assert np.abs(pixels.astype(int) - colour).max() <= (3 if name.endswith("jpg") else 0)
    item = Photographs(outputs(tmp_path / name))[0]["image"]
    assert torch.allclose(item, torch.tensor(colour) / 255, atol=0.015)


@ANY_ODD
def test_stored_features_of_wrong_colours_are_not_used(tmp_path: Path, name: str):
    picture, colour = ODD[name]
    picture.save(tmp_path / name)
    source = image_source(InputDataset(outputs(tmp_path / name)), 0)
    assert source.variant == "background=None scale=1.0 converted"
    assert torch.allclose(source.load()[:, 3, 3], torch.tensor(colour[:3]) / 255, atol=0.015)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("background", [None, torch.tensor([1.0, 0.5, 0.25])])
def test_other_photographs_are_as_the_host_reads_them(
    tmp_path: Path, mode: str, scale: float, background: torch.Tensor | None
):
    noise = np.random.default_rng(0).integers(0, 256, (8, 12, 4), np.uint8)
    file = tmp_path / "a.png"
    Image.fromarray(noise, "RGBA").convert(mode).save(file)
    host = InputDataset(outputs(file, background), scale)
    assert np.array_equal(read_pixels(file, scale), host.get_numpy_image(0))
    expected = host.get_image_float32(0)[..., :3].permute(2, 0, 1)
    assert torch.equal(read_rgb(file, scale, background), expected)
    assert image_source(host, 0).variant.endswith(f"scale={scale}")


def test_the_head_of_a_file_tells(tmp_path: Path):
    file = tmp_path / "palette.png"
    palette().save(file)
    file.write_bytes(file.read_bytes()[:-20])
    with Image.open(file) as opened:
        assert is_converted(opened)


def test_what_nobody_can_convert_is_refused(tmp_path: Path):
    file = tmp_path / "a.tif"
    Image.fromarray(np.ones((8, 12), np.float32)).save(file)
    with pytest.raises(UserError, match=r"a\.tif cannot be read as colours.*convert it to RGB"):
        read_pixels(file)
    with pytest.raises(UserError, match="convert it to RGB"):
        Photographs(outputs(file)).get_numpy_image(0)


def test_scenes_of_many_have_the_colours_too(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "table")
    scene = PosedScene(ScenePlace("table", folder, "nerfstudio-data"), 64)
    before, file = scene.photograph(0), scene.file(0)
    with Image.open(file) as opened:
        opened.convert("RGB").quantize(256).save(file)
    with Image.open(file) as opened:
        assert opened.mode == "P"
    assert (scene.photograph(0) - before).abs().mean() < 0.02
    assert torch.equal(scene.image(0), scene.photograph(0))
    Image.fromarray(np.ones((48, 64), np.float32)).save(file, format="TIFF")
    with pytest.raises(UserError, match=r"^scene table: image .*convert it to RGB"):
        scene.photograph(0)
    with pytest.raises(UserError, match=r"^scene table: image .*convert it to RGB"):
        scene.check()
