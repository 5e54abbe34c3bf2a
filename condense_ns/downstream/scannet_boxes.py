"""Boxes of ScanNet: the extent of the points of each annotated thing, along the axes of the room.

``<scene>_vh_clean_2.0.010000.segs.json`` says to which segment each point belongs,
``<scene>.aggregation.json`` which segments make a thing and what it is called,
``scannetv2-labels.combined.tsv`` the NYU-40 class of each name, and ``axisAlignment`` in ``<scene>.txt``
how the room is to be turned. C. R. Qi et al., VoteNet, 2019, prepare their boxes likewise.
"""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from condense_ns.downstream.labelled_cloud import LabelledBoxes
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

BOXED: dict[str, int] = {
    "cabinet": 3,
    "bed": 4,
    "chair": 5,
    "sofa": 6,
    "table": 7,
    "door": 8,
    "window": 9,
    "bookshelf": 10,
    "picture": 11,
    "counter": 12,
    "desk": 14,
    "curtain": 16,
    "refrigerator": 24,
    "shower curtain": 28,
    "toilet": 33,
    "sink": 34,
    "bathtub": 36,
    "other furniture": 39,
}
"""NYU-40 numbers of the classes that have boxes."""


def raw_classes(path: Path, where: str) -> dict[str, int]:
    """NYU-40 number of each name that annotators gave.

    Raises:
        UserError: no such file, or none with the columns raw_category and nyu40id.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        return {row["raw_category"]: int(row["nyu40id"]) for row in rows if row["nyu40id"]}
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read as a table of names ({error}); {where}") from error


def aligned(cloud: PointCloud, path: Path, where: str) -> PointCloud:
    """The points turned so that walls lie along the axes; as they are where nothing is said of it.

    Raises:
        UserError: no such file, or a matrix that is none.
    """
    try:
        lines = [line.partition("=") for line in path.read_text(encoding="utf-8").splitlines()]
        found = [value.split() for name, _, value in lines if name.strip() == "axisAlignment"]
        values = [float(number) for number in found[0]] if found else np.eye(4).reshape(-1).tolist()
        matrix = torch.tensor(values, dtype=torch.float64).reshape(4, 4)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(f"{path} cannot be read as a scene's text ({error}); {where}") from error
    positions = cloud.positions @ matrix[:3, :3].T + matrix[:3, 3]
    return replace(cloud, positions=positions)


def boxes_of_scan(
    scan: Path, cloud: PointCloud, classes: dict[str, int], where: str
) -> LabelledBoxes:
    """Boxes around the things of the classes that count.

    Args:
        scan: folder of the scene.
        cloud: its points, aligned.
        classes: as from `raw_classes`.
        where: what to do about files that cannot be used, for messages.

    Raises:
        UserError: a file is missing, damaged, or of another scan.
    """
    segments = scan / f"{scan.name}_vh_clean_2.0.010000.segs.json"
    groups = scan / f"{scan.name}.aggregation.json"
    try:
        of_point = torch.tensor(_json(segments)["segIndices"], dtype=torch.long)
        things = [(group["label"], group["segments"]) for group in _json(groups)["segGroups"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{scan} has no readable annotations ({error}); {where}") from error
    if of_point.shape != (len(cloud),):
        raise UserError(f"{segments} is of {len(of_point)} points, not {len(cloud)}; {where}")
    numbers = list(BOXED.values())
    boxes, found = [], []
    for label, members in things:
        chosen = torch.isin(of_point, torch.tensor(members, dtype=torch.long))
        if classes.get(label) in numbers and bool(chosen.any()):
            inside = cloud.positions[chosen]
            low, high = inside.amin(dim=0), inside.amax(dim=0)
            boxes.append(torch.cat([(low + high) / 2, high - low, low.new_zeros(1)]))
            found.append(numbers.index(classes[label]))
    stacked = torch.stack(boxes).float() if boxes else torch.zeros(0, 7)
    return LabelledBoxes(stacked, torch.tensor(found, dtype=torch.long))


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))
