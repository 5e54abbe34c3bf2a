"""Turned clouds are the same cloud elsewhere; crops keep what is near."""

import random
from dataclasses import replace

import pytest
import torch

from condense_ns.downstream.augmentation import augmented, cropped, turned_cloud
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.volumes.sparse_volume import GREY
from condense_ns.volumes.turned import TURNS
from tests.downstream.made_up_clouds import room, rooms_data


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


@pytest.mark.parametrize("turn", range(TURNS))
def test_voxels_normals_and_labels_turn_together(cloud, turn):
    found = turned_cloud(cloud, turn)
    # Points tell which voxel became which; three of them tell how.
    before, after = middles(cloud)[cloud.voxel_of], middles(found)[found.voxel_of]
    rotation = torch.linalg.lstsq(before, after).solution
    assert torch.allclose(rotation @ rotation.T, torch.eye(3), atol=1e-4)
    assert torch.allclose(before @ rotation, after, atol=1e-3)
    normals = cloud.volume.normal[cloud.voxel_of] @ rotation
    assert torch.allclose(found.volume.normal[found.voxel_of], normals, atol=1e-4)
    assert found.voxel_labels is not None
    assert torch.equal(found.voxel_labels[found.voxel_of], cloud.voxel_labels[cloud.voxel_of])


@pytest.mark.parametrize("turn", range(TURNS))
def test_boxes_hold_the_same_voxels(cloud, turn):
    found = turned_cloud(cloud, turn)
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


def test_half_of_the_looks_are_grey_and_the_cloud_itself_never(cloud):
    coloured = replace(
        cloud, volume=replace(cloud.volume, colour=torch.rand_like(cloud.volume.colour))
    )
    before = coloured.volume.colour.clone()
    looks = [augmented(coloured, random.Random(seed)).volume.colour for seed in range(60)]
    grey = sum(bool((colour == GREY).all()) for colour in looks)
    assert 18 <= grey <= 42
    assert all(bool((colour == GREY).all() | (colour != GREY).any(dim=1).all()) for colour in looks)
    assert torch.equal(coloured.volume.colour, before)


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
