"""Coloured points with a number each, as a PLY file that every viewer opens."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float64, Shaped
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.export.ply import COLOUR, PRECISE_POSITION, filled, read_vertices, write_ply


def write_points(
    path: Path,
    points: Float[Tensor, "points 3"],
    colours: Float[Tensor, "points 3"],
    name: str,
    values: Shaped[Tensor, " points"],
) -> None:
    """Write a binary PLY; `path` is never left half-written.

    Args:
        path: the file; its folder is made if missing.
        points: positions, stored in double precision: a dataset's may be far from the origin.
        colours: RGB in [0, 1].
        name: of the points' own property.
        values: stored under that name, as integers or in single precision.

    Raises:
        UserError: the file cannot be written.
    """
    levels = (colours.clamp(0.0, 1.0) * 255.0).round().byte()
    groups = [
        (PRECISE_POSITION, points.cpu().numpy()),
        (COLOUR, levels.cpu().numpy()),
        ([(name, "f4" if values.is_floating_point() else "i4")], values.cpu().numpy()[:, None]),
    ]
    write_ply(path, {"vertex": filled(len(points), groups)})


def read_points(path: Path) -> Float64[Tensor, "points 3"]:
    """Positions of the points of a PLY file, or of the vertices of a mesh in one.

    Raises:
        UserError: it cannot be read, holds no points, or positions that are not finite.
    """
    vertices = read_vertices(path)
    xyz = np.stack([np.asarray(vertices[axis], dtype=np.float64) for axis in "xyz"], axis=1)
    if len(xyz) == 0 or not np.isfinite(xyz).all():
        wrong = "no points" if len(xyz) == 0 else "positions that are not finite"
        raise UserError(f"{path} holds {wrong}; give another file")
    return torch.from_numpy(xyz)
