"""Coloured points with a score or a class each, as a PLY file that every viewer opens."""

from pathlib import Path

from jaxtyping import Float, Int, Shaped
from torch import Tensor

from condense_ns.export.ply import COLOUR, POSITION, filled, write_ply


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
    _write(path, points, colours, ("relevancy", "f4"), scores)


def write_labelled_points(
    path: Path,
    points: Float[Tensor, "points 3"],
    colours: Float[Tensor, "points 3"],
    labels: Int[Tensor, " points"],
) -> None:
    """Write a binary PLY; `path` is never left half-written.

    Args:
        path: the file; its folder is made if missing.
        points: positions.
        colours: RGB in [0, 1].
        labels: numbers of classes, stored as the property `label`; -1 for none.

    Raises:
        UserError: the file cannot be written.
    """
    _write(path, points, colours, ("label", "i4"), labels)


def _write(
    path: Path,
    points: Float[Tensor, "points 3"],
    colours: Float[Tensor, "points 3"],
    extra: tuple[str, str],
    values: Shaped[Tensor, " points"],
) -> None:
    """The same with any property, given by its name and numpy type."""
    levels = (colours.clamp(0.0, 1.0) * 255.0).round().byte()
    groups = [
        (POSITION, points.cpu().numpy()),
        (COLOUR, levels.cpu().numpy()),
        ([extra], values.cpu().numpy()[:, None]),
    ]
    write_ply(path, {"vertex": filled(len(points), groups)})
