"""S3DIS: rooms of six areas, 13 classes; Stanford's `Stanford3dDataset_v1.2_Aligned_Version`.

``Area_<n>/<room>/Annotations/<class>_<k>.txt`` holds x y z in metres and r g b in bytes, z upwards. One
area is asked for, the others are learned from.
"""

from pathlib import Path

import numpy as np
import torch

from condense_ns.downstream.labelled_cloud import LabelledCloud, Split, TaskData
from condense_ns.downstream.number_table import read_table
from condense_ns.downstream.room_viewpoints import room_viewpoints
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud

NAME = "s3dis"
WHERE = (
    "fill in the form at buildingparser.stanford.edu/dataset.html for "
    "Stanford3dDataset_v1.2_Aligned_Version.zip"
)
CLASSES = (
    "ceiling",
    "floor",
    "wall",
    "beam",
    "column",
    "window",
    "door",
    "table",
    "chair",
    "sofa",
    "bookcase",
    "board",
    "clutter",
)
AREAS = range(1, 7)
USUAL_AREA = "5"
VOXEL = 0.05
"""Metres."""
_BYTE = 255.0


def read_s3dis(folder: Path, area: str = USUAL_AREA) -> TaskData:
    """The areas in a folder.

    Args:
        folder: holds `Area_1` and so on.
        area: the one that is asked for.

    Raises:
        UserError: no such area, or no rooms.
    """
    if area not in map(str, AREAS):
        raise UserError(f"{NAME} has no area {area!r}; use one of {', '.join(map(str, AREAS))}")
    test = _rooms(folder / f"Area_{area}")
    train = [
        room for other in AREAS if str(other) != area for room in _rooms(folder / f"Area_{other}")
    ]
    if not test or not train:
        missing = f"Area_{area}" if not test else f"any area but Area_{area}"
        raise UserError(f"{folder} holds no rooms <room>/Annotations of {missing}; {WHERE}")
    splits = [_split(rooms) for rooms in (train, test)]
    return TaskData(
        f"{NAME} area {area}", "segment", CLASSES, *splits, voxel_size=VOXEL, metres=True
    )


def _rooms(area: Path) -> list[Path]:
    return sorted(place.parent for place in area.glob("*/Annotations") if place.is_dir())


def _split(rooms: list[Path]) -> Split:
    return Split(lambda number: read_room(rooms[number]), range(len(rooms)))


def read_room(room: Path) -> LabelledCloud:
    """A room with the class of each point; things of unknown names are clutter.

    Raises:
        UserError: no annotations, or one that is no table.
    """
    files = sorted((room / "Annotations").glob("*.txt"))
    if not files:
        raise UserError(f"{room} has no files in Annotations; {WHERE}")
    tables, labels = [], []
    for file in files:
        table = read_table(file, 6, WHERE)
        name = file.stem.rpartition("_")[0]
        number = CLASSES.index(name if name in CLASSES else "clutter")
        tables.append(table)
        labels.append(np.full(len(table), number))
    joined = torch.from_numpy(np.concatenate(tables))
    cloud = PointCloud(joined[:, :3], (joined[:, 3:].float() / _BYTE).clamp(0, 1))
    return LabelledCloud(
        str(room),
        cloud,
        labels=torch.from_numpy(np.concatenate(labels)),
        viewpoints=room_viewpoints(cloud.positions) if len(cloud) else None,
    )
