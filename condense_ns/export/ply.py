"""PLY files: tables of points and faces."""

from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement

from condense_ns.whole_files import whole_file

POSITION = [(axis, "f4") for axis in ("x", "y", "z")]
PRECISE_POSITION = [(axis, "f8") for axis in ("x", "y", "z")]
NORMAL = [(axis, "f4") for axis in ("nx", "ny", "nz")]
COLOUR = [(colour, "u1") for colour in ("red", "green", "blue")]
"""Properties under the names that other programs know; colours are bytes."""


def filled(count: int, groups: list[tuple[list[tuple[str, str]], np.ndarray]]) -> np.ndarray:
    """A table of elements from groups of properties.

    Args:
        count: rows.
        groups: names and numpy types, and their values, [count properties].
    """
    table = np.empty(count, dtype=[described for names, _ in groups for described in names])
    for names, values in groups:
        for column, (name, _) in enumerate(names):
            table[name] = values[:, column]
    return table


def write_ply(path: Path, elements: dict[str, np.ndarray]) -> None:
    """Write a binary PLY; `path` is never left half-written.

    Args:
        path: the file; its folder is made if missing.
        elements: tables (structured arrays) by name, for example `vertex`.

    Raises:
        UserError: the file cannot be written.
    """
    described = [PlyElement.describe(table, name) for name, table in elements.items()]
    with whole_file(path) as unfinished:
        PlyData(described).write(str(unfinished))
