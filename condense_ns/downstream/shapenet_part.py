"""ShapeNetPart: 16 categories of shapes with 50 parts, y upwards.

The folder is `shapenetcore_partanno_segmentation_benchmark_v0_normal`: ``<synset>/<shape>.txt`` holds x y z, a normal and the part's number in each line;
``synsetoffset2category.txt`` names the synsets, ``train_test_split/shuffled_*_file_list.json`` lists the
shapes. Training and validation shapes are learned from, as is usual.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from condense_ns.downstream.labelled_cloud import LabelledCloud, Split, TaskData
from condense_ns.downstream.number_table import read_table
from condense_ns.downstream.split_lists import check_lists
from condense_ns.downstream.upright import upright
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

NAME = "shapenetpart"
WHERE = (
    "get shapenetcore_partanno_segmentation_benchmark_v0_normal.zip from "
    "shapenet.cs.stanford.edu/media"
)
PARTS_OF: dict[str, tuple[int, ...]] = {
    "Airplane": (0, 1, 2, 3),
    "Bag": (4, 5),
    "Cap": (6, 7),
    "Car": (8, 9, 10, 11),
    "Chair": (12, 13, 14, 15),
    "Earphone": (16, 17, 18),
    "Guitar": (19, 20, 21),
    "Knife": (22, 23),
    "Lamp": (24, 25, 26, 27),
    "Laptop": (28, 29),
    "Motorbike": (30, 31, 32, 33, 34, 35),
    "Mug": (36, 37),
    "Pistol": (38, 39, 40),
    "Rocket": (41, 42, 43),
    "Skateboard": (44, 45, 46),
    "Table": (47, 48, 49),
}
"""Numbers of parts by category."""


def read_shapenet_part(folder: Path) -> TaskData:
    """The data set in a folder.

    Raises:
        UserError: a list is missing or names what is not there.
    """
    categories = _categories(folder / "synsetoffset2category.txt")
    names = tuple(PARTS_OF)
    train = [*_listed(folder, "train"), *_listed(folder, "val")]
    test = _listed(folder, "test")
    splits = [_split(folder, places, categories) for places in (train, test)]
    check_lists(NAME, train, test, WHERE, lambda place: folder / f"{place}.txt")
    part_names = [f"{name}: {place}" for name in names for place in range(len(PARTS_OF[name]))]
    return TaskData(
        NAME,
        "parts",
        tuple(part_names),
        *splits,
        voxel_size=None,
        category_names=names,
        parts_of=tuple(PARTS_OF.values()),
    )


def _categories(path: Path) -> dict[str, int]:
    """Number of the category of each synset."""
    names = list(PARTS_OF)
    try:
        rows = [
            line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
        ]
        return {synset: names.index(name) for name, synset in rows}
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as a list of categories ({error}); {WHERE}"
        ) from error


def _listed(folder: Path, split: str) -> list[str]:
    """Places `<synset>/<shape>` of a split."""
    path = folder / "train_test_split" / f"shuffled_{split}_file_list.json"
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return ["/".join(Path(name).parts[-2:]) for name in listed]
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read as a list of shapes ({error}); {WHERE}") from error


def _split(folder: Path, places: Sequence[str], categories: dict[str, int]) -> Split:
    unknown = sorted({place.split("/")[0] for place in places} - categories.keys())
    if unknown:
        raise UserError(f"{folder} lists shapes of {unknown[0]}, which has no category; {WHERE}")
    of_place = [categories[place.split("/")[0]] for place in places]

    def read(number: int) -> LabelledCloud:
        path = folder / f"{places[number]}.txt"
        table = torch.from_numpy(read_table(path, 7, WHERE))
        cloud = PointCloud(upright(table[:, :3]), normals=upright(table[:, 3:6].float()))
        labels = table[:, 6].numpy().astype(np.int64)
        return LabelledCloud(str(path), cloud, of_place[number], torch.from_numpy(labels))

    return Split(read, range(len(places)), of_place)
