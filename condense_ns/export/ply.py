"""PLY files: tables of points and faces."""

from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement, PlyParseError

from condense_ns.errors import UserError
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


def read_vertices(path: Path) -> np.ndarray:
    """The points of a PLY file, or the vertices of a mesh in one, as a structured array with x, y, z.

    Raises:
        UserError: it cannot be read, or has no such points.
    """
    try:
        vertices = PlyData.read(str(path))["vertex"].data
        wrong = [axis for axis in "xyz" if vertices.dtype[axis].kind not in "fiu"]
        reason = f"{wrong[0]} is no plain number" if wrong else ""
    except (OSError, KeyError, ValueError, MemoryError, PlyParseError) as error:
        reason, vertices = " ".join(str(error).split()), np.empty(0)
    if reason:
        raise UserError(
            f"{path} cannot be read as points ({reason}); give a PLY file with x, y and z"
        )
    return vertices
