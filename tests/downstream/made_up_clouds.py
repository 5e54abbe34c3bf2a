"""Small clouds with labels for tests: balls and boxes, whose upper and lower halves are parts."""

from collections.abc import Callable
from dataclasses import replace

import torch

from condense_ns.downstream.labelled_cloud import (
    LabelledBoxes,
    LabelledCloud,
    Split,
    TaskData,
    TaskName,
)
from condense_ns.volumes.from_points import PointCloud

BALL, CUBE = 0, 1


def shape_points(category: int, count: int, seed: int) -> torch.Tensor:
    """Points on a ball or on a cube, both within [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(count, 3, generator=generator)
    if category == BALL:
        return points / torch.linalg.vector_norm(points, dim=1, keepdim=True)
    return points / points.abs().amax(dim=1, keepdim=True)


def shape(number: int, count: int = 300) -> LabelledCloud:
    """A ball if the number is even, a cube otherwise; its halves are its parts."""
    category = number % 2
    points = shape_points(category, count, number)
    parts = torch.where(points[:, 2] > 0, 0, 1) + 2 * category
    return LabelledCloud(f"shape {number}", PointCloud(points.double()), category, parts)


def _whole(number: int) -> LabelledCloud:
    return replace(shape(number), labels=None)


def room(number: int, count: int = 600) -> LabelledCloud:
    """A floor of 2 x 2 with a cube of side 0.5 upon it; the cube is class 1 and has a box."""
    generator = torch.Generator().manual_seed(number)
    floor = torch.rand(count // 2, 3, generator=generator) * torch.tensor([2.0, 2.0, 0.01])
    place = 0.4 + 1.2 * torch.rand(2, generator=generator)
    middle = torch.cat([place, torch.tensor([0.3])])
    cube = shape_points(CUBE, count // 2, number) * 0.25 + middle
    labels = torch.cat([torch.zeros(count // 2), torch.ones(count // 2)]).long()
    box = torch.cat([middle, torch.tensor([0.5, 0.5, 0.5, 0.0])])[None]
    return LabelledCloud(
        f"room {number}",
        PointCloud(torch.cat([floor, cube]).double()),
        labels=labels,
        boxes=LabelledBoxes(box, torch.zeros(1, dtype=torch.long)),
    )


def shapes_data(task: TaskName = "classify", train: int = 8, test: int = 4) -> TaskData:
    """Balls and cubes, told apart as wholes or by their parts."""
    names = ("ball", "cube")
    if task == "classify":
        splits = [_split(_whole, 0, train), _split(_whole, 1000, test)]
        return TaskData("shapes", task, names, *splits, voxel_size=None)
    splits = [_split(shape, 0, train), _split(shape, 1000, test)]
    parts = ("ball: upper", "ball: lower", "cube: upper", "cube: lower")
    return TaskData(
        "shapes",
        task,
        parts,
        *splits,
        voxel_size=None,
        category_names=names,
        parts_of=((0, 1), (2, 3)),
    )


def rooms_data(task: TaskName = "segment", train: int = 4, test: int = 2) -> TaskData:
    """Rooms with one cube."""
    classes = ("floor", "cube") if task == "segment" else ("cube",)

    def read(number: int) -> LabelledCloud:
        found = room(number)
        if task == "segment":
            return found
        return LabelledCloud(found.name, found.cloud, boxes=found.boxes)

    splits = [_split(read, 0, train, False), _split(read, 1000, test, False)]
    return TaskData("rooms", task, classes, *splits, voxel_size=0.1, metres=True)


def _split(
    read: Callable[[int], LabelledCloud], first: int, count: int, classes: bool = True
) -> Split:
    numbers = range(first, first + count)
    return Split(read, numbers, [number % 2 for number in numbers] if classes else None)
