"""Rows read from a file are numpy's rows, and memory stays small whatever the file's size."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from condense_ns.cache import mapped_matrix
from condense_ns.cache.mapped_matrix import MappedMatrix
from condense_ns.cache.store_error import StoreError


@pytest.fixture(params=["small", "large"])
def matrix(request, tmp_path, monkeypatch):
    """A matrix of 50 x 7 and its numpy twin, in both ways of reading."""
    if request.param == "large":
        monkeypatch.setattr(mapped_matrix, "RESIDENT_BYTES", 0)
    numbers = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float16)
    path = tmp_path / "maps.f16"
    path.write_bytes(numbers.tobytes() + b"left by a killed process")
    return MappedMatrix(path, 50, 7), numbers


def test_gathered_rows_are_numpys(matrix):
    mapped, numbers = matrix
    for rows in ([0], [49, 0, 49], list(range(50)), [5, 4, 3, 3, 4, 8, 9, 1, 2], [7, 7], []):
        gathered = mapped.gather(torch.tensor(rows, dtype=torch.long))
        assert gathered.dtype == torch.float16
        np.testing.assert_array_equal(gathered, numbers[rows].reshape(-1, 7))


def test_read_rows_are_numpys(matrix):
    mapped, numbers = matrix
    np.testing.assert_array_equal(mapped.read(3, 20), numbers[3:20])
    np.testing.assert_array_equal(mapped.read(0, 50), numbers)


def test_answers_are_copies(matrix):
    mapped, numbers = matrix
    for answer in (mapped.gather(torch.tensor([1])), mapped.read(1, 2)):
        answer.zero_()
    np.testing.assert_array_equal(mapped.read(1, 2), numbers[1:2])


def test_a_large_file_that_gets_shorter_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped_matrix, "RESIDENT_BYTES", 0)
    path = tmp_path / "maps.f16"
    path.write_bytes(bytes(40))
    mapped = MappedMatrix(path, 10, 2)
    path.write_bytes(bytes(38))
    assert mapped.read(0, 9).shape == (9, 2)
    for read in (lambda: mapped.read(0, 10), lambda: mapped.gather(torch.tensor([3, 9]))):
        with pytest.raises(StoreError, match=r"maps\.f16 has been truncated.*delete the folder"):
            read()


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def growth_by_lookups(path, rows, width):
    """Bytes that the process gains by looking up rows all over a file."""
    matrix = MappedMatrix(path, rows, width)
    wanted = torch.randint(rows, (1 << 13,), generator=torch.Generator().manual_seed(0))
    before = resident_bytes()
    for part in wanted.split(1 << 10):
        matrix.gather(part)
    return resident_bytes() - before


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux' own numbers")
def test_memory_of_lookups_is_bounded_whatever_the_file(tmp_path, monkeypatch):
    path, rows, width = tmp_path / "maps.f16", 1 << 20, 128  # 256 MiB, a hole in the file
    with path.open("wb") as stream:
        stream.truncate(rows * width * 2)
    with path.open("rb") as stream:
        while stream.read(1 << 20):  # now in the system's cache: whole surroundings get mapped
            pass
    assert growth_by_lookups(path, rows, width) < 32 << 20
    monkeypatch.setattr(mapped_matrix, "RESIDENT_BYTES", 1 << 40)  # and the measure can fail
    assert growth_by_lookups(path, rows, width) > 128 << 20
