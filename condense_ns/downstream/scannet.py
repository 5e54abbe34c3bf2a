"""ScanNet v2: scanned rooms, 20 classes of points or 18 classes of boxes; metres, z upwards.

``scans/<scene>/<scene>_vh_clean_2.ply`` holds the points, ``..._vh_clean_2.labels.ply`` their NYU-40
classes; ``scannetv2_train.txt`` and ``scannetv2_val.txt`` list the scenes. Boxes are made, as VoteNet does,
of the points of each annotated thing (`scannet_boxes`).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64

from condense_ns.downstream.labelled_cloud import UNKNOWN, LabelledCloud, Split, TaskData, TaskName
from condense_ns.downstream.room_viewpoints import room_viewpoints
from condense_ns.downstream.scannet_boxes import BOXED, aligned, boxes_of_scan, raw_classes
from condense_ns.downstream.split_lists import check_lists
from condense_ns.errors import UserError
from condense_ns.export.cloud_file import read_cloud
from condense_ns.export.ply import read_vertices

NAME = "scannet"
WHERE = "ask for ScanNet v2 at scan-net.org, and for the lists of scenes in its repository"
CLASSES: dict[str, int] = {"wall": 1, "floor": 2, **BOXED}
"""NYU-40 numbers of the classes of the benchmark; points of others are not labelled."""
VOXEL = 0.05
"""Metres."""
_NYU_CLASSES = 40
_TSV = "scannetv2-labels.combined.tsv"


def read_scannet(folder: Path, task: TaskName) -> TaskData:
    """The data set in the folder that holds `scans` and the lists.

    Raises:
        UserError: a list is missing or empty, or does not fit the other one or the scans.
    """
    read: Callable[[Path], LabelledCloud] = labelled_scan
    if task == "detect":
        read = partial(_boxed_scan, raw_classes(folder / _TSV, WHERE))
    train, test = (_listed(folder / f"scannetv2_{name}.txt") for name in ("train", "val"))
    check_lists(NAME, train, test, WHERE, lambda scene: folder / "scans" / scene)
    splits = [_split(folder, scenes, read) for scenes in (train, test)]
    names = tuple(BOXED) if task == "detect" else tuple(CLASSES)
    return TaskData(NAME, task, names, *splits, voxel_size=VOXEL, metres=True)


def _listed(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a list of scenes; {WHERE}") from error


def _split(folder: Path, scenes: list[str], read: Callable[[Path], LabelledCloud]) -> Split:
    return Split(lambda number: read(folder / "scans" / scenes[number]), range(len(scenes)))


def labelled_scan(scan: Path) -> LabelledCloud:
    """A scan with the class of each point.

    Raises:
        UserError: a file is missing, damaged, or has other points than the other one.
    """
    points, labels = (scan / f"{scan.name}_vh_clean_2{end}" for end in (".ply", ".labels.ply"))
    cloud = read_cloud(points)
    vertices = read_vertices(labels)
    if "label" not in (vertices.dtype.names or ()):
        raise UserError(f"{labels} has no property `label` at its points; {WHERE}")
    numbers = vertices["label"].astype(np.int64)
    return LabelledCloud(
        str(points),
        cloud,
        labels=torch.from_numpy(_of_benchmark(numbers, labels)),
        viewpoints=room_viewpoints(cloud.positions),
    )


def _of_benchmark(
    numbers: Int64[np.ndarray, " points"], path: Path
) -> Int64[np.ndarray, " points"]:
    """NYU-40 numbers as places in `CLASSES`.

    Raises:
        UserError: a number beyond 40.
    """
    if numbers.min(initial=0) < 0 or numbers.max(initial=0) > _NYU_CLASSES:
        wrong = int(numbers.max())
        raise UserError(f"{path} has points of class {wrong}, NYU-40 ends at 40; {WHERE}")
    places = np.full(_NYU_CLASSES + 1, UNKNOWN, np.int64)
    places[list(CLASSES.values())] = np.arange(len(CLASSES))
    return places[numbers]


def _boxed_scan(classes: dict[str, int], scan: Path) -> LabelledCloud:
    """A scan, aligned with its walls, with the boxes around its things."""
    points = scan / f"{scan.name}_vh_clean_2.ply"
    cloud = aligned(read_cloud(points), scan / f"{scan.name}.txt", WHERE)
    return LabelledCloud(
        str(points),
        cloud,
        boxes=boxes_of_scan(scan, cloud, classes, WHERE),
        viewpoints=room_viewpoints(cloud.positions),
    )
