"""Our made-up things and rooms as data sets: classes, parts, instances and boxes are exact.

Things of the two splits never share a seed with each other, nor with scenes that shipped networks were
trained on.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from condense_ns.downstream.labelled_cloud import (
    LabelledBoxes,
    LabelledCloud,
    Split,
    TaskData,
    TaskName,
)
from condense_ns.synthetic.part_names import PART_NAMES
from condense_ns.synthetic.scanned import scanned_room, scanned_thing
from condense_ns.synthetic.surface_points import SurfacePoints
from condense_ns.synthetic.vocabulary import CLASS_NAMES
from condense_ns.volumes.from_points import PointCloud

NAME = "synthetic"
TRAIN_SEED, TEST_SEED = 4_000_000, 5_000_000
"""Of the first thing or room of each split."""
ROOM_VOXEL = 0.06
"""Metres."""
BOXED = ("chair", "stool", "table", "sofa", "bed", "shelf", "cabinet", "lamp", "plant", "monitor")
"""Classes that detectors look for."""
LEAST_SEEN = 20
"""Points of a thing without which nobody can be asked to find it."""


@dataclass(frozen=True)
class MadeUpSizes:
    """How much is made."""

    train_things: int = 100
    """Of each class."""
    test_things: int = 20
    """Of each class."""
    thing_points: int = 4096
    """Of each thing."""
    train_rooms: int = 100
    test_rooms: int = 20
    room_points: int = 80_000
    """Of each room."""


def made_up_data(task: TaskName, sizes: MadeUpSizes | None = None) -> TaskData:
    """The made-up data set for a task."""
    sizes = sizes or MadeUpSizes()
    if task == "classify":
        return _classes(sizes)
    if task == "parts":
        return _parts(sizes)
    reader = partial(_labelled_room if task == "segment" else _boxed_room, sizes.room_points)
    return TaskData(
        name=NAME,
        task=task,
        class_names=CLASS_NAMES[1:] if task == "segment" else BOXED,
        train=Split(reader, range(TRAIN_SEED, TRAIN_SEED + sizes.train_rooms)),
        test=Split(reader, range(TEST_SEED, TEST_SEED + sizes.test_rooms)),
        voxel_size=ROOM_VOXEL,
        metres=True,
        details=str(sizes),
    )


def _classes(sizes: MadeUpSizes) -> TaskData:
    names = tuple(PART_NAMES)

    def read(number: int) -> LabelledCloud:
        category = number % len(names)
        found = scanned_thing((number // len(names), 2), names[category], sizes.thing_points)
        name = f"made-up {names[category]} {number}"
        return LabelledCloud(name, _cloud(found.points), category)

    train, test = _of_things(read, len(names), sizes)
    return TaskData(NAME, "classify", names, train, test, voxel_size=None, details=str(sizes))


def _parts(sizes: MadeUpSizes) -> TaskData:
    """Of classes with several parts; those of a class follow each other."""
    categories = tuple(name for name, parts in PART_NAMES.items() if len(parts) > 1)
    starts = np.cumsum([0, *(len(PART_NAMES[name]) for name in categories)]).tolist()

    def read(number: int) -> LabelledCloud:
        category = number % len(categories)
        name = categories[category]
        found = scanned_thing((number // len(categories), 3), name, sizes.thing_points)
        labels = torch.from_numpy(found.part_names + starts[category])
        return LabelledCloud(f"made-up {name} {number}", _cloud(found.points), category, labels)

    train, test = _of_things(read, len(categories), sizes)
    return TaskData(
        NAME,
        "parts",
        tuple(f"{name}: {part}" for name in categories for part in PART_NAMES[name]),
        train,
        test,
        voxel_size=None,
        category_names=categories,
        details=str(sizes),
        parts_of=tuple(tuple(range(low, high)) for low, high in itertools.pairwise(starts)),
    )


def _of_things(
    read: Callable[[int], LabelledCloud], classes: int, sizes: MadeUpSizes
) -> tuple[Split, Split]:
    """Training and test things; the class of number n is n modulo the classes."""
    splits = []
    for seed, count in ((TRAIN_SEED, sizes.train_things), (TEST_SEED, sizes.test_things)):
        numbers = range(seed * classes, (seed + count) * classes)
        splits.append(Split(read, numbers, [number % classes for number in numbers]))
    return splits[0], splits[1]


def _labelled_room(points: int, seed: int) -> LabelledCloud:
    found = scanned_room(seed, points).points
    labels = torch.from_numpy(found.classes - 1)
    return LabelledCloud(f"made-up room {seed}", _cloud(found), labels=labels)


def _boxed_room(points: int, seed: int) -> LabelledCloud:
    """With the boxes of things of which something is seen."""
    room = scanned_room(seed, points)
    seen = np.bincount(room.points.instances, minlength=len(room.boxes) + 1)[1:]
    chosen = [
        number
        for number, name in enumerate(room.class_names)
        if name in BOXED and seen[number] >= LEAST_SEEN
    ]
    boxes = torch.from_numpy(room.boxes[chosen]).float().reshape(-1, 7)
    classes = torch.tensor([BOXED.index(room.class_names[number]) for number in chosen]).long()
    return LabelledCloud(
        f"made-up room {seed}", _cloud(room.points), boxes=LabelledBoxes(boxes, classes)
    )


def _cloud(points: SurfacePoints) -> PointCloud:
    return PointCloud(
        torch.from_numpy(points.position).double(),
        torch.from_numpy(points.rgb).float() / 255,
        torch.from_numpy(points.normal),
    )
