"""A matrix of half-precision rows that stays on disk while it is read.

Reading a page of a memory-mapped file makes it, and on Linux up to 64 KiB around it, count as memory
of the process. Over thousands of images that would add up to the whole file. So, when the file is
larger than `RESIDENT_BYTES`, the pages are handed back after every few rows; they remain in the
system's own cache of files, where they are free to be dropped and quick to be mapped again.
"""

import mmap
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

RESIDENT_BYTES = 16 << 20
FAULT_BYTES = 64 << 10
GATHERED_ROWS = 2 * RESIDENT_BYTES // FAULT_BYTES  # neighbours along x share their pages


class MappedMatrix:
    """Rows of float16 in a file, read by number.

    Args:
        path: file of at least `rows` * `width` * 2 bytes.
        rows: number of rows to map, at least one.
        width: numbers in a row.
    """

    def __init__(self, path: Path, rows: int, width: int) -> None:
        with path.open("rb") as stream:
            self._pages = mmap.mmap(stream.fileno(), 2 * rows * width, access=mmap.ACCESS_READ)
        self._advise("MADV_RANDOM")
        self._matrix = np.frombuffer(self._pages, dtype=np.float16).reshape(rows, width)
        self._large = self._matrix.nbytes > RESIDENT_BYTES

    def gather(self, rows: Int[Tensor, " count"]) -> Float[Tensor, "count width"]:
        """Copies of rows, in float16 on the CPU."""
        numbers = rows.numpy()
        if not self._large:
            return torch.from_numpy(self._matrix.take(numbers, axis=0))
        gathered = np.empty((len(numbers), self._matrix.shape[1]), np.float16)
        for start in range(0, len(numbers), GATHERED_ROWS):
            part = slice(start, start + GATHERED_ROWS)
            gathered[part] = self._matrix.take(numbers[part], axis=0)
            self._advise("MADV_DONTNEED")
        return torch.from_numpy(gathered)

    def read(self, start: int, stop: int) -> Float[Tensor, "count width"]:
        """A copy of consecutive rows, in float16 on the CPU."""
        copied = torch.from_numpy(self._matrix[start:stop].copy())
        if self._large:
            self._advise("MADV_DONTNEED")
        return copied

    def _advise(self, name: str) -> None:
        """Tell the system how pages are used, where it listens."""
        advice = getattr(mmap, name, None)
        if advice is not None:
            self._pages.madvise(advice)
