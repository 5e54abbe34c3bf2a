"""Reading photographs, and crops of them."""

import random
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from condense_ns.colouriser_training.photograph_folder import random_crops, read_photographs
from condense_ns.errors import UserError


def test_a_tenth_is_held_out_and_all_are_large_enough(photographs: Path):
    read = read_photographs(photographs, 96)
    assert (len(read.taught), len(read.held_out)) == (27, 3)
    for image in (*read.taught, *read.held_out):
        assert min(image.shape[1:]) >= 96
        assert max(image.shape[1:]) >= 320


def test_grey_photographs_are_left_out(photographs: Path, tmp_path: Path):
    folder = tmp_path / "some"
    shutil.copytree(photographs, folder)
    for file in sorted(folder.rglob("*.png"))[:5]:
        with Image.open(file) as image:
            grey = image.convert("L")
        grey.save(file)
    read = read_photographs(folder, 64)
    assert len(read.taught) + len(read.held_out) == 25


@pytest.mark.parametrize("kept", [0, 100])
def test_a_file_that_is_no_image_is_named(photographs: Path, tmp_path: Path, kept: int):
    folder = tmp_path / "some"
    shutil.copytree(photographs, folder)
    file = folder / "a" / "00.png"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"00\.png cannot be read as an image"):
        read_photographs(folder, 64)


def test_too_few_and_none_are_told(photographs: Path, tmp_path: Path):
    with pytest.raises(UserError, match="which is no folder"):
        read_photographs(tmp_path / "absent", 64)
    with pytest.raises(UserError, match="holds 15 photographs in colour"):
        read_photographs(photographs / "a", 64)


def test_crops_are_pieces_of_photographs():
    ramp = torch.arange(100, dtype=torch.uint8).expand(3, 90, 100)
    crops = random_crops([ramp], 20, 60, random.Random(1))
    assert crops.shape == (20, 3, 60, 60)
    steps = 255 * crops.diff(dim=-1)[..., 5:-5]
    sizes = steps.abs().mean(dim=(1, 2, 3))
    assert ((sizes > 0.66) & (sizes < 1.51)).all()  # enlarged or shrunk by up to a half
    assert 3 < int((steps.mean(dim=(1, 2, 3)) < 0).sum()) < 17  # mirrored
    again = random_crops([ramp], 20, 60, random.Random(1))
    assert torch.equal(crops, again)
