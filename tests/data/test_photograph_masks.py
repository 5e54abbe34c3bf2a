"""Masks as they are stored, and which pixels of other sizes they leave."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.data.photograph_masks import read_mask, valid_pixels
from condense_ns.data.undistortion import Lens
from condense_ns.errors import UserError

LENS = Lens(8, 4, (6.0, 6.0), (4.0, 2.0), (0.0,) * 6, False)
BENT = Lens(80, 40, (60.0, 60.0), (40.0, 20.0), (-0.3, 0.05, 0.0, 0.0, 0.0, 0.0), False)


@pytest.mark.parametrize(
    ("mode", "most"), [("L", 255), ("L", 1), ("1", 1), ("P", 7), ("I;16", 65535)]
)
def test_what_is_not_zero_counts_whatever_the_mode(tmp_path: Path, mode: str, most: int):
    used = np.zeros((4, 8), bool)
    used[1:, 3:] = True
    dtype = {"1": bool, "I;16": np.uint16}.get(mode, np.uint8)
    picture = Image.fromarray((used * most).astype(dtype))
    if mode == "P":
        picture.putpalette([0] * 768)
    assert picture.mode == mode
    picture.save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", LENS).tolist() == used.astype(float).tolist()


def test_a_mask_that_cannot_be_used_is_told_with_a_remedy(tmp_path: Path):
    file = tmp_path / "mask.png"
    Image.new("L", (4, 8)).save(file)
    with pytest.raises(UserError, match=r"mask\.png is 4 x 8 pixels but .* is 8 x 4; give a mask"):
        read_mask(file, LENS)
    Image.new("RGB", (8, 4)).save(file)
    with pytest.raises(UserError, match=r"mask\.png has 3 channels, expected one; save it in grey"):
        read_mask(file, LENS)
    file.write_bytes(b"torn")
    with pytest.raises(UserError, match=r"mask\.png cannot be read .*; restore it"):
        read_mask(file, LENS)


def test_a_reduced_pixel_counts_if_all_that_it_is_made_of_does():
    mask = np.ones((4, 8), np.float32)
    mask[1, 2] = 0
    expected = [[True, False, True, True], [True] * 4]
    assert valid_pixels(mask, LENS, 2, 4).tolist() == expected
    assert torch.equal(valid_pixels(mask, LENS, 4, 8), torch.from_numpy(mask > 0))


def test_nothing_masked_is_in_a_pixel_that_counts_through_a_lens():
    from condense_ns.data.ideal_pixels import ideal_pixels

    mask = np.ones((40, 80), np.float32)
    mask[5:25, 30:60] = 0
    generator = np.random.default_rng(0)
    plain = generator.random((40, 80, 3)).astype(np.float32)
    spoilt = np.where(mask[..., None] > 0, plain, np.float32(100))
    for size in ((40, 80), (13, 27)):
        valid = valid_pixels(mask, BENT, *size).numpy()
        assert 0.3 < valid.mean() < 0.9
        one, other = (ideal_pixels(pixels, BENT, *size)[valid] for pixels in (plain, spoilt))
        np.testing.assert_allclose(one, other, atol=0.1)
