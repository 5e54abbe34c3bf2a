"""Other looks of a prepared cloud for training: turned by quarters, mirrored, cropped.

Turns about z by 90 degrees and mirroring at the yz plane send voxels to voxels, so that nothing is
sampled anew.
"""

import math
import random
from dataclasses import replace

import torch
from jaxtyping import Int64
from torch import Tensor

from condense_ns.downstream.labelled_cloud import LabelledBoxes
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.volumes.voxel_keys import voxel_keys


def augmented(cloud: PreparedCloud, generator: random.Random) -> PreparedCloud:
    """Turned and mirrored at random: one of eight looks."""
    return turned_cloud(cloud, generator.randrange(4), generator.random() < 0.5)


def turned_cloud(cloud: PreparedCloud, quarters: int, mirrored: bool) -> PreparedCloud:
    """Mirrored in x if so wanted, then turned counter-clockwise seen from above.

    Args:
        cloud: any; it is left as it is.
        quarters: turns of 90 degrees, 0 to 3.
        mirrored: whether x becomes -x first.
    """
    volume = cloud.volume
    matrix = _matrix(quarters, mirrored)
    rotation = torch.tensor(matrix, device=volume.density.device)
    # Voxel i spans i..i+1, so that along a flipped axis it spans -i-1..-i.
    flipped = (rotation.sum(dim=1) < 0).long()
    # Products of integers are not on offer on a GPU.
    indices = (volume.voxel_indices.double() @ rotation.double().T).long() - flipped
    order = torch.argsort(voxel_keys(indices))
    numbers = torch.empty_like(order)
    numbers[order] = torch.arange(len(order), device=order.device)
    moved = replace(
        volume,
        voxel_indices=indices.int(),
        normal=volume.normal @ rotation.to(volume.normal.dtype).T,
    ).chosen(order)
    labels, boxes = cloud.voxel_labels, cloud.boxes
    return replace(
        cloud,
        volume=moved,
        voxel_of=numbers[cloud.voxel_of],
        voxel_labels=None if labels is None else labels[order],
        boxes=None if boxes is None else _turned_boxes(boxes, rotation, quarters, mirrored),
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


def _matrix(quarters: int, mirrored: bool) -> list[list[int]]:
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][quarters]
    side = -1 if mirrored else 1
    return [[side * cosine, -sine, 0], [side * sine, cosine, 0], [0, 0, 1]]


def _turned_boxes(
    boxes: LabelledBoxes, rotation: Int64[Tensor, "3 3"], quarters: int, mirrored: bool
) -> LabelledBoxes:
    centre = boxes.boxes[:, :3] @ rotation.to(boxes.boxes.dtype).T
    turn = boxes.boxes[:, 6:]
    turn = (math.pi - turn if mirrored else turn) + quarters * math.pi / 2
    return LabelledBoxes(torch.cat([centre, boxes.boxes[:, 3:6], turn], dim=1), boxes.classes)
