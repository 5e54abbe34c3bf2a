"""Points with features: ``points.npz`` for programs, ``points.ply`` to look at."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.export.npz_members import write_members
from condense_ns.export.point_cloud import write_points


def write_feature_points(
    folder: Path,
    xyz: Float[Tensor, "points 3"],
    features: Float[Tensor, "points channels"],
    seen_by: Int64[Tensor, " points"],
    colours: Float[Tensor, "points 3"],
) -> None:
    """Write both files.

    ``points.npz`` holds ``xyz`` (float64), ``features`` (float16) and ``seen_by`` (int32);
    ``points.ply`` the positions, colours and ``seen_by``.

    Args:
        folder: where to write.
        xyz: positions in the coordinates that files shall have.
        features: zeros where no view sees a point.
        seen_by: how many views see each point.
        colours: RGB in [0, 1].

    Raises:
        UserError: a file cannot be written.
    """
    arrays = {
        "xyz": xyz.double().cpu().numpy(),
        "features": features.half().cpu().numpy(),
        "seen_by": seen_by.cpu().numpy().astype(np.int32),
    }
    write_members(folder / "points.npz", arrays)
    write_points(folder / "points.ply", xyz.float(), colours, "seen_by", seen_by.int())
