"""Copies of reduced photographs: made once, made anew when anything changes."""

import os
from pathlib import Path

import pytest
import torch

from condense_ns.data.small_copies import kept_copy

IMAGE = torch.rand(3, 6, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"content")
    return file


class Reader:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> torch.Tensor:
        self.times += 1
        return IMAGE


def test_the_photograph_is_read_once(photograph: Path, tmp_path: Path):
    read = Reader()
    first, second = (kept_copy(tmp_path / "copies", photograph, "small", read) for _ in range(2))
    assert read.times == 1
    assert torch.equal(first, second)  # also the first answer is in eight bits
    assert (first - IMAGE).abs().max() <= 0.5 / 255 + 1e-6


def test_whatever_changes_the_pixels_needs_another_copy(photograph: Path, tmp_path: Path):
    read, folder = Reader(), tmp_path / "copies"
    kept_copy(folder, photograph, "small", read)
    kept_copy(folder, photograph, "black ground", read)
    os.utime(photograph, ns=(1, 1))
    kept_copy(folder, photograph, "small", read)
    photograph.write_bytes(b"more content")
    os.utime(photograph, ns=(1, 1))
    kept_copy(folder, photograph, "small", read)
    assert read.times == 4


def test_a_damaged_copy_is_made_anew(photograph: Path, tmp_path: Path):
    read, folder = Reader(), tmp_path / "copies"
    first = kept_copy(folder, photograph, "small", read)
    for file in folder.iterdir():
        file.write_bytes(b"torn")
    assert torch.equal(kept_copy(folder, photograph, "small", read), first)
    assert read.times == 2


def test_a_folder_that_cannot_be_written_is_no_hindrance(photograph: Path, tmp_path: Path):
    (tmp_path / "copies").write_text("a file is in the way")
    read = Reader()
    found = kept_copy(tmp_path / "copies", photograph, "small", read)
    assert (found - IMAGE).abs().max() < 0.01
