"""The sections without pictures: prose, tables, commands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean, stdev
from typing import Literal

from condense_ns.report.images import ReportError

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.])")  # no 3D, no 1.5k
_NOTHING = ("", "-", "\N{EN DASH}", "n/a")


@dataclass(frozen=True)
class Prose:
    """Plain text.

    Attributes:
        title: of the section.
        paragraphs: one after the other.
    """

    title: str
    paragraphs: tuple[str, ...]

    @property
    def text(self) -> str:
        """Nothing beside the paragraphs."""
        return ""


@dataclass(frozen=True)
class Table:
    """Figures in rows and columns.

    Attributes:
        title: of the section.
        header: one name per column.
        rows: cells as they are to be printed.
        text: a sentence below the title.
        best: row and column of the cells to be marked; see `best_cells`.
        ours: the rows to be marked.

    Raises:
        ReportError: a row of another length than the header, or a mark outside the table.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: str = ""
    best: tuple[tuple[int, int], ...] = ()
    ours: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ReportError(
                    f"the table “{self.title}” has {len(self.header)} columns, "
                    f"but a row of {len(row)} cells: {', '.join(row)}"
                )
        marks = [*self.best, *((row, 0) for row in self.ours)]
        if not all(
            0 <= row < len(self.rows) and 0 <= column < len(self.header) for row, column in marks
        ):
            raise ReportError(f"the table “{self.title}” marks cells that it does not have")

    @property
    def numeric(self) -> list[bool]:
        """For every column, whether it holds numbers and nothing else; the first names the rows."""
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.header)
        return [index > 0 and _is_numeric(column) for index, column in enumerate(columns)]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell, with a button that copies them.

    Attributes:
        title: of the section.
        lines: commands; lines that begin with ``#`` are shown as remarks.
        text: a sentence below the title.
    """

    title: str
    lines: tuple[str, ...]
    text: str = ""


def best_cells(
    rows: tuple[tuple[str, ...], ...], better: tuple[Literal["higher", "lower", "neither"], ...]
) -> tuple[tuple[int, int], ...]:
    """Row and column of the best number of every column, all of them where several are equal.

    Numbers are compared as they are printed; cells that begin with none are left out.

    Args:
        rows: the cells of a table.
        better: one rule per column.
    """
    cells = []
    for column, rule in enumerate(better):
        numbers = [(_number(row[column]), index) for index, row in enumerate(rows)]
        known = [(number, index) for number, index in numbers if number is not None]
        if rule == "neither" or not known:
            continue
        best = (max if rule == "higher" else min)(number for number, _ in known)
        cells.extend((index, column) for number, index in known if number == best)
    return tuple(cells)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """The mean, and the standard deviation of a sample behind it if there are several; NaN does not count."""
    known = [value for value in values if not isnan(value)]
    if not known:
        return ""
    mean = f"{fmean(known):.{digits}f}"
    return mean if len(known) < 2 else f"{mean} ± {stdev(known):.{digits}f}"


def _number(cell: str) -> float | None:
    found = _NUMBER.match(cell.replace("\N{MINUS SIGN}", "-").replace(",", ""))
    return float(found[0]) if found else None


def _is_numeric(cells: tuple[str, ...]) -> bool:
    filled = [cell for cell in cells if cell not in _NOTHING]
    return bool(filled) and all(_number(cell) is not None for cell in filled)


def without_folders(spec: str) -> str:
    """An encoder or operator as it is called in titles: ``segment:net.tflite``."""
    return re.sub(r"[^:]*/", "", spec)
