"""Turned clouds are the same cloud elsewhere; crops keep what is near."""

import itertools
import random

import pytest
import torch

from condense_ns.downstream.augmentation import augmented, cropped, turned_cloud
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from tests.downstream.made_up_clouds import room, rooms_data

LOOKS = list(itertools.product(range(4), (False, True)))


@pytest.fixture(scope="module")
def cloud():
    """A room with labels and a box that is turned by a little."""
    found = prepared(room(3), rooms_data(), Preparation())
    assert found.boxes is not None
    found.boxes.boxes[0, 3:] = torch.tensor([5.0, 3.0, 5.0, 0.3])
    return found


def middles(cloud):
    return cloud.volume.voxel_indices + 0.5


def in_box(cloud):
    box = cloud.boxes.boxes[0]
    away = middles(cloud) - box[:3]
    along = away[:, 0] * box[6].cos() + away[:, 1] * box[6].sin()
    across = away[:, 1] * box[6].cos() - away[:, 0] * box[6].sin()
    return (along.abs() < box[3] / 2) & (across.abs() < box[4] / 2)


@pytest.mark.parametrize(("quarters", "mirrored"), LOOKS)
def test_voxels_normals_and_labels_turn_together(cloud, quarters, mirrored):
    found = turned_cloud(cloud, quarters, mirrored)
    angle = torch.tensor(quarters * torch.pi / 2)
    rotation = torch.tensor(
        [[angle.cos(), -angle.sin(), 0], [angle.sin(), angle.cos(), 0], [0, 0, 1]]
    ) @ torch.diag(torch.tensor([-1.0 if mirrored else 1.0, 1, 1]))
    # Points tell which voxel became which.
    expected = middles(cloud)[cloud.voxel_of] @ rotation.T
    assert torch.allclose(middles(found)[found.voxel_of], expected, atol=1e-4)
    normals = cloud.volume.normal[cloud.voxel_of] @ rotation.T
    assert torch.allclose(found.volume.normal[found.voxel_of], normals, atol=1e-5)
    assert found.voxel_labels is not None
    assert torch.equal(found.voxel_labels[found.voxel_of], cloud.voxel_labels[cloud.voxel_of])
    assert (found.volume.keys.diff() > 0).all()


@pytest.mark.parametrize(("quarters", "mirrored"), LOOKS)
def test_boxes_hold_the_same_voxels(cloud, quarters, mirrored):
    found = turned_cloud(cloud, quarters, mirrored)
    before, after = in_box(cloud), in_box(found)
    assert 0 < before.sum() < len(before)
    assert torch.equal(after[found.voxel_of], before[cloud.voxel_of])


def test_a_generator_decides(cloud):
    first, again = (augmented(cloud, random.Random(5)).volume.voxel_indices for _ in range(2))
    assert torch.equal(first, again)
    looks = {
        augmented(cloud, random.Random(n)).volume.voxel_indices.sum().item() for n in range(40)
    }
    assert len(looks) > 1


def test_crops_keep_what_is_near(cloud):
    found = cropped(cloud, 100, random.Random(0))
    assert found.voxel_labels is not None
    assert len(found.volume) == len(found.voxel_labels) == 100
    assert (found.volume.keys.diff() > 0).all()
    spread = found.volume.voxel_indices[:, :2].float().std(dim=0)
    assert (spread < cloud.volume.voxel_indices[:, :2].float().std(dim=0)).all()
    assert cropped(cloud, 10**6, random.Random(0)) is cloud


def test_boxes_far_from_the_crop_are_left_out(cloud):
    crops = [cropped(cloud, 30, random.Random(seed)).boxes for seed in range(12)]
    assert {0 if boxes is None else len(boxes.boxes) for boxes in crops} == {0, 1}
