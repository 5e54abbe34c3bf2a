"""Coloured points with a score each, as a PLY file that every viewer opens."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Float
from plyfile import PlyData, PlyElement
from torch import Tensor

from condense_ns.errors import UserError

VERTEX = [
    *((axis, "f4") for axis in ("x", "y", "z")),
    *((colour, "u1") for colour in ("red", "green", "blue")),
    ("relevancy", "f4"),
]


def write_scored_points(
    path: Path,
    points: Float[Tensor, "points 3"],
    colours: Float[Tensor, "points 3"],
    scores: Float[Tensor, " points"],
) -> None:
    """Write a binary PLY; `path` is never left half-written.

    Args:
        path: the file; its folder is made if missing.
        points: positions.
        colours: RGB in [0, 1].
        scores: stored as the property `relevancy`.

    Raises:
        UserError: the file cannot be written.
    """
    vertices = np.empty(len(points), dtype=VERTEX)
    for column, axis in enumerate("xyz"):
        vertices[axis] = points[:, column].cpu().numpy()
    levels = (colours.clamp(0.0, 1.0) * 255.0).round().byte().cpu().numpy()
    for column, name in enumerate(("red", "green", "blue")):
        vertices[name] = levels[:, column]
    vertices["relevancy"] = scores.cpu().numpy()
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        PlyData([PlyElement.describe(vertices, "vertex")]).write(str(unfinished))
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written ({error.strerror}); choose another") from error
