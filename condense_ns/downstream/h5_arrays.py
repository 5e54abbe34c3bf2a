"""Arrays of HDF5 files, checked before anybody relies on them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from condense_ns.errors import UserError


def read_h5(path: Path, names: Sequence[str], where: str) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Arrays of one file, which all begin with the same number of shapes.

    Args:
        path: the file.
        names: of the arrays.
        where: what to do about a file that cannot be used, for messages.

    Raises:
        UserError: no such file, damaged, or an array is missing, of other rows or no numbers.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in names if not isinstance(file.get(name), h5py.Dataset)]
            arrays = {} if missing else {name: np.asarray(file[name]) for name in names}
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read as HDF5 ({error}); {where}") from error
    if missing:
        raise UserError(f"{path} holds no array {missing[0]!r}; {where}")
    rows = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(rows) != 1 or any(array.dtype.kind not in "fiu" for array in arrays.values()):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise UserError(f"{path} holds arrays that do not belong together ({shapes}); {where}")
    return arrays


def check_clouds(points: Shaped[np.ndarray, "..."], path: Path, where: str) -> None:
    """Raises: UserError: no stack of clouds of points."""
    if points.ndim != 3 or points.shape[2] != 3:
        raise UserError(
            f"{path} holds points of shape {points.shape}, not (shapes, points, 3); {where}"
        )
