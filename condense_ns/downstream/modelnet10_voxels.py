"""Two classes of ModelNet10 as occupied cells of a 32^3 grid, one `<class>.npy.gz` per class.

As redistributed at github.com/SomTambe/ModelNet10-dataset, without a split and with duplicates: grids
that are empty or occur before are left out, and the split is drawn here, once and for all.
"""

import gzip
import random
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Shaped

from condense_ns.downstream.labelled_cloud import LabelledCloud, Split, TaskData
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

NAME = "modelnet10_voxels"
WHERE = "get chair.npy.gz and monitor.npy.gz from github.com/SomTambe/ModelNet10-dataset"
TEST_SHARE = 0.2
_ENDING = ".npy.gz"
_SEED = 0  # of the split, which must be the same in every run


def read_modelnet10_voxels(folder: Path) -> TaskData:
    """The classes whose files are in a folder.

    Raises:
        UserError: fewer than two files, or one that is no stack of grids.
    """
    files = sorted(folder.glob(f"*{_ENDING}"))
    if len(files) < 2:
        raise UserError(f"{folder} holds {len(files)} files *{_ENDING}, two are needed; {WHERE}")
    grids: list[Bool[np.ndarray, "side side side"]] = []
    categories, seen = [], set()
    for category, file in enumerate(files):
        for grid in _grids(file):
            key = (grid.shape, np.packbits(grid).tobytes())
            if grid.any() and key not in seen:
                seen.add(key)
                grids.append(grid)
                categories.append(category)

    def read(number: int) -> LabelledCloud:
        places = torch.from_numpy(np.argwhere(grids[number])).double() + 0.5
        return LabelledCloud(f"{NAME} {number}", PointCloud(places), categories[number])

    splits = []
    for numbers in _split(categories):
        splits.append(Split(read, numbers, [categories[number] for number in numbers]))
    names = tuple(file.name.removesuffix(_ENDING) for file in files)
    return TaskData(NAME, "classify", names, splits[0], splits[1], voxel_size=1.0)


def _grids(file: Path) -> Bool[np.ndarray, "grids side side side"]:
    """Raises: UserError: no numpy file of grids."""
    try:
        with gzip.open(file) as stream:
            found: Shaped[np.ndarray, "..."] = np.load(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{file} cannot be read as grids ({error}); {WHERE}") from error
    if found.ndim == 5 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 4 or found.dtype.kind not in "biuf":
        raise UserError(f"{file} holds {found.dtype} of shape {found.shape}, no grids; {WHERE}")
    return found != 0


def _split(categories: list[int]) -> tuple[list[int], list[int]]:
    """Numbers for training and for testing, the same share of each class."""
    train: list[int] = []
    test: list[int] = []
    for category in sorted(set(categories)):
        numbers = [number for number, of in enumerate(categories) if of == category]
        random.Random(f"{_SEED} {category}").shuffle(numbers)
        count = max(1, round(TEST_SHARE * len(numbers)))
        test += numbers[:count]
        train += numbers[count:]
    return sorted(train), sorted(test)
