"""A matrix of half-precision rows that stays on disk while it is read.

Reading a page of a memory-mapped file makes it and its surroundings count as memory of the process:
64 KiB on older Linux, but a whole folio, up to 2 MiB, on file systems that cache large ones. Over
thousands of images that would add up to the whole file. So a file larger than `RESIDENT_BYTES` is
not mapped where the system can read at an offset: rows are copied from the system's own cache of
files, one call for each run of neighbours.
"""

import mmap
import os
import weakref
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from condense_ns.cache.store_error import StoreError

RESIDENT_BYTES = 16 << 20


class MappedMatrix:
    """Rows of float16 in a file, read by number.

    Args:
        path: file of at least `rows` * `width` * 2 bytes.
        rows: number of rows to read from, at least one.
        width: numbers in a row.
    """

    def __init__(self, path: Path, rows: int, width: int) -> None:
        self._path, self._width = path, width
        size = 2 * rows * width
        self._mapped: np.ndarray | None = None
        if size > RESIDENT_BYTES and hasattr(os, "pread"):
            self._descriptor = os.open(path, os.O_RDONLY)
            weakref.finalize(self, os.close, self._descriptor)
            return
        with path.open("rb") as stream:
            pages = mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ)
        self._mapped = np.frombuffer(pages, dtype=np.float16).reshape(rows, width)

    def gather(self, rows: Int[Tensor, " count"]) -> Float[Tensor, "count width"]:
        """Copies of rows, in float16 on the CPU."""
        numbers = rows.numpy()
        if self._mapped is not None:
            return torch.from_numpy(self._mapped.take(numbers, axis=0))
        starts = np.flatnonzero(np.diff(numbers, prepend=-2) != 1)
        counts = np.diff(starts, append=len(numbers))
        return self._copied(numbers[starts].tolist(), counts.tolist())

    def read(self, start: int, stop: int) -> Float[Tensor, "count width"]:
        """A copy of consecutive rows, in float16 on the CPU."""
        if self._mapped is not None:
            return torch.from_numpy(self._mapped[start:stop].copy())
        return self._copied([start], [stop - start])

    def _copied(self, starts: list[int], counts: list[int]) -> Float[Tensor, "count width"]:
        """Runs of rows, one after another, given by their first rows and lengths.

        Raises:
            StoreError: the file has become shorter.
        """
        row_bytes = 2 * self._width
        runs = [
            os.pread(self._descriptor, count * row_bytes, start * row_bytes)
            for start, count in zip(starts, counts, strict=True)
        ]
        content = bytearray().join(runs)
        if len(content) != sum(counts) * row_bytes:
            raise StoreError(
                f"the feature store {self._path} has been truncated; delete the folder "
                f"{self._path.parent} and run again, it will be rebuilt"
            )
        return torch.from_numpy(np.frombuffer(content, np.float16).reshape(-1, self._width))
