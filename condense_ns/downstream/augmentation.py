"""Other looks of a prepared cloud for training: turned by quarters, mirrored, grey, cropped."""

import random
from dataclasses import replace

import torch

from condense_ns.downstream.labelled_cloud import LabelledBoxes
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.volumes.turned import TURNS, turned, turned_places

GREY_SHARE = 0.5
"""Of the looks: what a thing is seldom hangs on its colour, yet few examples can be told apart by it."""


def augmented(cloud: PreparedCloud, generator: random.Random) -> PreparedCloud:
    """One of the eight ways to stand on the floor, with colours or without, at random."""
    found = turned_cloud(cloud, generator.randrange(TURNS))
    if generator.random() < GREY_SHARE:
        found = replace(found, volume=found.volume.without_colour())
    return found


def turned_cloud(cloud: PreparedCloud, turn: int) -> PreparedCloud:
    """Voxels, labels and boxes turned alike.

    Args:
        cloud: any; it is left as it is.
        turn: as for `volumes.turned`.
    """
    found = turned(cloud.volume, turn)
    labels, boxes = cloud.voxel_labels, cloud.boxes
    if labels is not None:
        labels = torch.empty_like(labels).index_copy_(0, found.numbers, labels)
    return replace(
        cloud,
        volume=found.volume,
        voxel_of=found.numbers[cloud.voxel_of],
        voxel_labels=labels,
        boxes=None if boxes is None else _turned_boxes(boxes, turn),
    )


def cropped(cloud: PreparedCloud, most_voxels: int, generator: random.Random) -> PreparedCloud:
    """The voxels nearest to a random one across the floor, at most so many; for training only.

    Points are forgotten. Boxes are kept if their centre is in the circle of what is left.
    """
    volume = cloud.volume
    if len(volume) <= most_voxels:
        return cloud
    centre = volume.voxel_indices[generator.randrange(len(volume)), :2].float()
    distance = (volume.voxel_indices[:, :2].float() - centre).square().sum(dim=1)
    nearest, kept = torch.topk(distance, most_voxels, largest=False)
    kept = kept.sort().values
    labels, boxes = cloud.voxel_labels, cloud.boxes
    if boxes is not None:
        away = (boxes.boxes[:, :2] - centre).square().sum(dim=1)
        inside = away <= nearest.max()
        boxes = LabelledBoxes(boxes.boxes[inside], boxes.classes[inside])
    return replace(
        cloud,
        volume=volume.chosen(kept),
        voxel_of=torch.zeros(0, dtype=torch.long, device=kept.device),
        point_labels=None,
        voxel_labels=None if labels is None else labels[kept],
        boxes=boxes,
    )


def _turned_boxes(boxes: LabelledBoxes, turn: int) -> LabelledBoxes:
    centre, size, angle = boxes.boxes[:, :3], boxes.boxes[:, 3:6], boxes.boxes[:, 6]
    along = torch.stack([angle.cos(), angle.sin(), torch.zeros_like(angle)], dim=1)
    centre, along = turned_places(centre, turn), turned_places(along, turn)
    angle = torch.atan2(along[:, 1], along[:, 0])
    return LabelledBoxes(torch.cat([centre, size, angle[:, None]], dim=1), boxes.classes)
