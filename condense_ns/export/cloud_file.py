"""Point clouds in files of others: PLY, NPZ, and LAS if there is a library for it.

=======  =============================================================================
``ply``  x, y, z; red, green, blue; nx, ny, nz. The vertices of a mesh are points, too
``npz``  xyz, rgb and normals, one row per point, in a file that is not compressed
``las``  x, y, z; red, green, blue. Read by `laspy`; ``laz`` is the same, compressed
=======  =============================================================================

All but the positions may be missing. Colours are bytes, 16-bit numbers, or real ones from 0 to 1.
"""

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members
from condense_ns.export.ply import COLOUR, NORMAL, POSITION, read_vertices
from condense_ns.volumes.from_points import PointCloud, check_cloud

_BYTE, _WORD = 255, 65535

Columns = dict[str, Shaped[np.ndarray, "points 3"]]
"""Of ``xyz``, ``rgb`` and ``normals`` those that a file has."""


def read_cloud(path: Path) -> PointCloud:
    """The points of a file, with their colours and normals if it has any.

    Raises:
        UserError: no such file, one that is damaged or of another kind, no points or too many, numbers
            that are not finite, or a LAS file without the library for it.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise UserError(f"{path} is none of the known point clouds ({known}); convert it to PLY")
    columns = reader(path)
    cloud = PointCloud(
        positions=torch.from_numpy(columns["xyz"].astype(np.float64)),
        colours=_colours(columns["rgb"], path) if "rgb" in columns else None,
        normals=_floats(columns["normals"]) if "normals" in columns else None,
    )
    check_cloud(cloud, str(path))
    return cloud


def _ply(path: Path) -> Columns:
    vertices = read_vertices(path)
    columns = {}
    for name, properties in (("xyz", POSITION), ("rgb", COLOUR), ("normals", NORMAL)):
        names = [name for name, _ in properties]
        plain = all(
            vertices.dtype.fields.get(name, [np.dtype("O")])[0].kind in "fiu" for name in names
        )
        if plain:
            columns[name] = np.stack([vertices[name] for name in names], axis=1)
    return columns


def _npz(path: Path) -> Columns:
    columns = read_members(path, ("xyz", "rgb", "normals"))
    if "xyz" not in columns:
        raise UserError(f"{path} holds no array xyz; store the positions under this name")
    for name, values in columns.items():
        if values.shape != (len(columns["xyz"]), 3):
            raise UserError(
                f"{path} has {name} of shape {values.shape}; give three numbers for each point"
            )
    return columns


def _las(path: Path) -> Columns:
    try:
        laspy = importlib.import_module("laspy")
    except ImportError as error:
        raise UserError(
            f"{path} needs a library to be read: pip install 'condense_ns[las]', or convert it to PLY"
        ) from error
    try:
        las = laspy.read(path)
        columns = {"xyz": np.asarray(las.xyz, dtype=np.float64)}
        if {"red", "green", "blue"} <= set(las.point_format.dimension_names):
            columns["rgb"] = np.stack([las.red, las.green, las.blue], axis=1)
    except Exception as error:  # damaged bytes fail in dozens of ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path} cannot be read as a LAS file ({reason}); convert it to PLY"
        ) from error
    return columns


def _colours(values: Shaped[np.ndarray, "points 3"], path: Path) -> Tensor:
    """RGB in [0, 1].

    Raises:
        UserError: real numbers beyond that.
    """
    if values.dtype.kind in "iu":
        largest = _BYTE if values.max(initial=0) <= _BYTE else _WORD
        return _floats(values) / largest
    colours = _floats(values)
    if (colours < 0).any() or (colours > 1).any():
        raise UserError(
            f"{path} has colours beyond 0 to 1; store them as bytes, or divide them by 255"
        )
    return colours


def _floats(values: Shaped[np.ndarray, "points 3"]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


_READERS: dict[str, Callable[[Path], Columns]] = {
    ".ply": _ply,
    ".npz": _npz,
    ".las": _las,
    ".laz": _las,
}
