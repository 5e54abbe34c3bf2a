"""Labels of voxels, places of points, and what is refused."""

from collections import Counter
from dataclasses import replace

import pytest
import torch

from condense_ns.downstream.labelled_cloud import LabelledCloud, TaskData
from condense_ns.downstream.prepared_cloud import Preparation, majority, prepared
from condense_ns.errors import UserError
from condense_ns.volumes.from_points import PointCloud
from tests.downstream.made_up_clouds import room, rooms_data, shape, shapes_data

HOW = Preparation(resolution=8)


def slow_majority(labels, voxel_of, voxels):
    answer = []
    for voxel in range(voxels):
        counts = Counter(labels[(voxel_of == voxel) & (labels >= 0)].tolist())
        most = max(counts.values(), default=0)
        answer.append(min((label for label, n in counts.items() if n == most), default=-1))
    return torch.tensor(answer)


def test_majority_by_hand():
    labels = torch.tensor([3, 1, 1, -1, -1, 2, 0])
    voxel_of = torch.tensor([0, 0, 0, 0, 1, 2, 2])
    assert majority(labels, voxel_of, 3).tolist() == [1, -1, 0]


def test_majority_agrees_with_counting():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(-1, 4, (500,), generator=generator)
    voxel_of = torch.randint(0, 90, (500,), generator=generator)
    assert torch.equal(majority(labels, voxel_of, 100), slow_majority(labels, voxel_of, 100))


def test_every_point_lies_in_its_voxel():
    cloud = shape(1)
    found = prepared(cloud, shapes_data("parts"), HOW)
    middles = found.volume.centres[found.voxel_of]
    away = (cloud.cloud.positions - middles).abs().max()
    assert float(away) <= found.volume.voxel_size / 2 + 1e-6
    assert (found.voxel_of >= 0).all()
    assert found.volume.voxel_indices.max() <= HOW.resolution
    assert found.voxel_labels is not None
    assert set(found.voxel_labels.tolist()) == {2, 3}


def test_scales_do_not_matter_where_shapes_have_no_size():
    data = shapes_data()
    large = replace(shape(0), cloud=PointCloud(shape(0).cloud.positions * 1000))
    found, other = (prepared(cloud, data, HOW).volume for cloud in (shape(0), large))
    assert torch.equal(found.voxel_indices, other.voxel_indices)


def test_boxes_are_counted_in_voxels():
    cloud = rooms_data("detect").train[1]
    found = prepared(cloud, rooms_data("detect"), HOW)
    assert found.boxes is not None
    assert cloud.boxes is not None
    assert found.boxes.boxes[0, 3:6] == pytest.approx(torch.full((3,), 5.0))
    centre = found.boxes.boxes[0, :3].double() * 0.1 + found.volume.origin
    assert centre == pytest.approx(cloud.boxes.boxes[0, :3].double(), abs=1e-5)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_points_are_a_cloud(count):
    cloud = shape(0, count)
    found = prepared(cloud, shapes_data(), HOW)
    assert 1 <= len(found.volume) <= count


def test_an_empty_cloud_is_refused_by_its_name():
    with pytest.raises(UserError, match="shape 0 holds 0 points"):
        prepared(shape(0, 0), shapes_data(), HOW)


def test_numbers_that_are_not_finite_are_refused():
    cloud = shape(0)
    cloud.cloud.positions[3, 1] = float("nan")
    with pytest.raises(UserError, match="shape 0 has positions that are not finite"):
        prepared(cloud, shapes_data(), HOW)


@pytest.mark.parametrize(("label", "told"), [(4, 4), (-2, -2)])
def test_labels_without_a_name_are_refused(label, told):
    cloud = shape(1)
    assert cloud.labels is not None
    cloud.labels[7] = label
    with pytest.raises(UserError, match=f"shape 1 has points of class {told}, but shapes has"):
        prepared(cloud, shapes_data("parts"), HOW)


def test_parts_of_another_category_are_refused():
    cloud = shape(1)
    assert cloud.labels is not None
    cloud.labels[7] = 0
    with pytest.raises(UserError, match="shape 1 is a cube, but has points of part ball: upper"):
        prepared(cloud, shapes_data("parts"), HOW)


def test_a_label_for_each_point_is_needed():
    cloud = shape(1)
    assert cloud.labels is not None
    with pytest.raises(UserError, match="299 labels for 300 points"):
        prepared(replace(cloud, labels=cloud.labels[1:]), shapes_data("parts"), HOW)


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_other_units_than_metres_are_told_and_can_be_changed(factor):
    data: TaskData = rooms_data()
    cloud = room(0)
    other = LabelledCloud("scan", PointCloud(cloud.cloud.positions * factor), labels=cloud.labels)
    with pytest.raises(UserError, match=r"scan is .* units wide, which is no place in metres"):
        prepared(other, data, HOW)
    found = prepared(other, data, replace(HOW, scale=1 / factor))
    assert len(found.volume) == len(prepared(cloud, data, HOW).volume)


def test_a_small_place_in_centimetres_is_told_from_a_large_one_in_metres():
    data, cloud = rooms_data(), room(0)
    other = LabelledCloud("scan", PointCloud(cloud.cloud.positions * 100), labels=cloud.labels)
    with pytest.raises(UserError, match=r"alone in a voxel of 0.1 metres; give --scale \(0.01"):
        prepared(other, data, HOW)
    whole = prepared(cloud, data, HOW)
    assert len(prepared(other, data, replace(HOW, scale=0.01)).volume) == len(whole.volume)
    wide = prepared(other, data, replace(HOW, voxel_size=10.0))
    assert len(wide.volume) == len(whole.volume)


@pytest.mark.slow
def test_five_million_points_become_voxels():
    generator = torch.Generator().manual_seed(0)
    positions = torch.rand(5_000_000, 3, generator=generator).double() * 4
    cloud = LabelledCloud("large", PointCloud(positions), labels=(positions[:, 2] > 2).long())
    found = prepared(cloud, rooms_data(), Preparation(voxel_size=0.2))
    assert len(found.volume) == 20**3
    assert len(found.voxel_of) == 5_000_000
