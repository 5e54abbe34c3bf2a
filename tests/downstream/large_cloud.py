"""A cloud of five million points through a probe, in a process of its own: prints its memory in MB.

Run as ``python -m tests.downstream.large_cloud``; what is printed is the peak before and after, the number of
voxels, and the share of points that were answered for.
"""

import sys

import torch

from condense_ns.benchmarks.store_memory import own_peak_kilobytes
from condense_ns.downstream.backbone_choice import chosen_backbone
from condense_ns.downstream.labelled_cloud import LabelledCloud
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.downstream.segmentation import PointScores, Segmentation
from condense_ns.downstream.task_network import TaskNetwork
from condense_ns.volumes.from_points import PointCloud
from tests.downstream.made_up_clouds import rooms_data

POINTS = 5_000_000
HALL = torch.tensor([32.0, 20.0, 4.0])
"""Metres; with voxels of 5 cm it goes through the backbone in pieces."""


def hall(points: int) -> LabelledCloud:
    """Points on floor and walls of a hall, in this order; the floor is class 0."""
    generator = torch.Generator().manual_seed(0)
    places = torch.rand(points, 3, generator=generator)
    labels = torch.zeros(points, dtype=torch.long)
    labels[points // 2 :] = 1
    places[: points // 2, 2] = 0
    places[points // 2 :, 0] = places[points // 2 :, 0].round()
    return LabelledCloud("hall", PointCloud((places * HALL).double()), labels=labels)


def main() -> None:
    """Prepare, answer, count."""
    data = rooms_data()
    task = Segmentation(data)
    torch.manual_seed(0)
    network = TaskNetwork(chosen_backbone("random", "frozen", "S", 0).backbone, task, "frozen")
    network.set_training(False)
    before = own_peak_kilobytes() / 1024
    cloud = prepared(hall(POINTS), data, Preparation(voxel_size=0.05))
    scores = PointScores(data)
    scores.add(network.answers(cloud), cloud)
    counted = int(scores.confusion.matrix.sum())
    after = own_peak_kilobytes() / 1024
    sys.stdout.write(f"{before:.0f} {after:.0f} {len(cloud.volume)} {counted / POINTS}\n")


if __name__ == "__main__":
    main()
