"""Places in an image by square cells, so that those near a point are found without looking at all.

Cells are at least as wide as the radius that is asked for, so that all places within the radius of a
point lie in its cell or the eight around it. A place is entered into its cell and into those above and
below, and entries are sorted by cell, row by row: what a point looks at is one range of entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

BATCH = 1 << 13
"""Pairs that are looked at together: few, so that caches hold them and memory stays small."""
_MOST_CELLS = 253  # along each axis; with a margin, numbers of cells fit 16 bits, which sort fast


@dataclass(frozen=True)
class NearPairs:
    """Points and places that are near each other, the places of a point one after the other."""

    points: Int64[np.ndarray, " pairs"]
    places: Int64[np.ndarray, " pairs"]
    squares: Float64[np.ndarray, " pairs"]
    """Of their distances."""


class PixelGrid:
    """At least one place, in cells."""

    def __init__(self, places: Float64[np.ndarray, "places 2"], radius: float) -> None:
        """Enter the places into cells for points within `radius`, which is above 0."""
        self._radius = radius
        self._side = max(radius, float(np.ptp(places, axis=0).max()) / _MOST_CELLS)
        self._low = places.min(axis=0)
        column, row = ((places - self._low) / self._side).astype(np.int64).T + 1  # with a margin
        self._columns, self._rows = int(column.max()) + 2, int(row.max()) + 2
        cell = row * self._columns + column
        cells = np.concatenate([cell - self._columns, cell, cell + self._columns])
        order = np.argsort(cells.astype(np.uint16), kind="stable")
        self._places = np.tile(np.arange(len(places)), 3)[order]
        self._x, self._y = places.T[:, self._places]
        counts = np.bincount(cells, minlength=self._columns * self._rows + 1)
        # at c the number of entries before cell c - 1
        self._before = np.concatenate([[0, 0], counts.cumsum()])

    def pairs(self, points: Float64[np.ndarray, "points 2"]) -> Iterator[NearPairs]:
        """Points and places nearer than the radius, in batches; all pairs of a point are in one."""
        x, y = points.T
        column, row = (x - self._low[0]) / self._side + 1, (y - self._low[1]) / self._side + 1
        inside = (column >= 0) & (column < self._columns) & (row >= 0) & (row < self._rows)
        numbers = np.flatnonzero(inside)
        cells = row[numbers].astype(np.int64) * self._columns + column[numbers].astype(np.int64)
        starts = self._before[cells]
        counts = self._before[cells + 3] - starts
        cuts = np.flatnonzero(np.diff(counts.cumsum() // BATCH)) + 1
        for batch in np.split(np.arange(len(numbers)), cuts):
            count = counts[batch]
            entries = np.arange(count.sum())
            entries += np.repeat(starts[batch] - count.cumsum() + count, count)
            owners = np.repeat(numbers[batch], count)
            squares = np.square(x[owners] - self._x[entries])
            squares += np.square(y[owners] - self._y[entries])
            near = np.flatnonzero(squares < self._radius**2)
            yield NearPairs(owners[near], self._places[entries[near]], squares[near])
