"""ModelNet40 as 2,048 points per shape: Stanford's `modelnet40_ply_hdf5_2048`.

``train_files.txt`` and ``test_files.txt`` list HDF5 files with ``data`` [shapes 2048 3], y upwards,
``label`` [shapes 1] and, in most copies, ``normal``; ``shape_names.txt`` names the classes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from condense_ns.downstream.h5_arrays import check_clouds, read_h5
from condense_ns.downstream.labelled_cloud import LabelledCloud, Split, TaskData
from condense_ns.downstream.split_lists import check_lists
from condense_ns.downstream.upright import upright
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

NAME = "modelnet40"
WHERE = "get modelnet40_ply_hdf5_2048.zip from shapenet.cs.stanford.edu/media"
NAMES_FILE = "shape_names.txt"


def read_modelnet40(folder: Path) -> TaskData:
    """The data set in a folder.

    Raises:
        UserError: a file is missing, damaged, of another format, or in both lists.
    """
    names = tuple(_lines(folder / NAMES_FILE))
    train, test = (_listed(folder / f"{name}_files.txt") for name in ("train", "test"))
    check_lists(NAME, train, test, WHERE)
    splits = [_split(folder, [folder / name for name in listed]) for listed in (train, test)]
    return TaskData(NAME, "classify", names, *splits, voxel_size=None)


def _listed(path: Path) -> list[str]:
    """Names of the files of a list, which has them by their places on its author's disk."""
    return [Path(line).name for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a list; {WHERE}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _split(folder: Path, files: Sequence[Path]) -> Split:
    points, labels = [np.zeros((0, 0, 3))], [np.zeros(0, np.int64)]
    for file in files:
        arrays = read_h5(file, ("data", "label"), WHERE)
        check_clouds(arrays["data"], file, WHERE)
        points.append(arrays["data"])
        labels.append(arrays["label"].reshape(-1).astype(np.int64))
    clouds = [cloud for part in points for cloud in part]
    categories = np.concatenate(labels).tolist()

    def read(number: int) -> LabelledCloud:
        positions = upright(torch.from_numpy(clouds[number].astype(np.float64)))
        return LabelledCloud(f"{folder} shape {number}", PointCloud(positions), categories[number])

    return Split(read, range(len(clouds)), categories)
