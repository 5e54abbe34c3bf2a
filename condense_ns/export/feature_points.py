"""Points with features: an NPZ file for programs, and beside it a PLY file to look at."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Shaped
from torch import Tensor

from condense_ns.export.npz_members import write_members
from condense_ns.export.point_cloud import write_points


def write_feature_points(
    path: Path,
    xyz: Float[Tensor, "points 3"],
    features: Float[Tensor, "points channels"],
    colours: Float[Tensor, "points 3"],
    known: tuple[str, Shaped[Tensor, " points"]],
) -> None:
    """Write both files.

    The first holds ``xyz`` (float64), ``features`` (float16) and what is known of the points (int32);
    the other one positions, colours and what is known.

    Args:
        path: of the NPZ file; the other one has the ending .ply.
        xyz: positions in the coordinates that files shall have.
        features: zeros where they are not known.
        colours: RGB in [0, 1].
        known: name and whole numbers, for example how many views see each point.

    Raises:
        UserError: a file cannot be written.
    """
    name, values = known
    arrays = {
        "xyz": xyz.double().cpu().numpy(),
        "features": features.half().cpu().numpy(),
        name: values.cpu().numpy().astype(np.int32),
    }
    write_members(path, arrays)
    write_points(path.with_suffix(".ply"), xyz, colours, name, values.int())
