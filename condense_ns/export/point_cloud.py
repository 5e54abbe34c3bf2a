"""Coloured points with a number each, as a PLY file that every viewer opens."""

from pathlib import Path

from jaxtyping import Float, Shaped
from torch import Tensor

from condense_ns.export.ply import COLOUR, POSITION, filled, write_ply


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
        points: positions.
        colours: RGB in [0, 1].
        name: of the points' own property.
        values: stored under that name, as integers or in single precision.

    Raises:
        UserError: the file cannot be written.
    """
    levels = (colours.clamp(0.0, 1.0) * 255.0).round().byte()
    groups = [
        (POSITION, points.cpu().numpy()),
        (COLOUR, levels.cpu().numpy()),
        ([(name, "f4" if values.is_floating_point() else "i4")], values.cpu().numpy()[:, None]),
    ]
    write_ply(path, {"vertex": filled(len(points), groups)})
