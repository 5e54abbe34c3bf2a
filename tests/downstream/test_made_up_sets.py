"""Made-up things and rooms: exact labels, splits without a thing in common."""

import numpy as np
import pytest
import torch

from condense_ns.downstream.labelled_cloud import TaskName
from condense_ns.downstream.made_up_sets import BOXED, MadeUpSizes, made_up_data
from condense_ns.downstream.prepared_cloud import check_labels

TINY = MadeUpSizes(2, 1, 200, 2, 1, 3000)
TASKS: tuple[TaskName, ...] = ("classify", "parts", "segment", "detect")


@pytest.mark.parametrize("task", TASKS)
def test_labels_are_sound_and_a_seed_makes_the_same_again(task: TaskName):
    data = made_up_data(task, TINY)
    first = data.train[0]
    check_labels(first, data)
    if task in ("classify", "segment"):
        assert torch.equal(first.cloud.positions, data.train[0].cloud.positions)
    assert data.details == str(TINY)
    assert not {*data.train.numbers} & {*data.test.numbers}
    if task == "classify":
        assert first.labels is None


def test_every_class_has_as_many_things():
    data = made_up_data("classify", TINY)
    assert data.train.categories is not None
    counts = np.bincount(data.train.categories, minlength=len(data.class_names))
    assert (counts == 2).all()
    assert data.class_names[data.train[3].category] in data.train[3].name


def test_parts_of_a_category_are_its_own():
    data = made_up_data("parts", TINY)
    cloud = data.test[0]
    assert cloud.labels is not None
    names = {data.class_names[number] for number in cloud.labels.unique().tolist()}
    assert all(name.startswith(data.category_names[cloud.category] + ": ") for name in names)
    assert sorted(sum(data.parts_of, ())) == list(range(len(data.class_names)))


def test_boxes_are_around_things_that_are_seen():
    data = made_up_data("detect", TINY)
    boxes = data.train[0].boxes
    assert boxes is not None
    assert data.class_names == BOXED
    assert len(boxes.boxes) == len(boxes.classes) > 3
    positions = data.train[0].cloud.positions.float()
    for box in boxes.boxes:
        near = torch.linalg.vector_norm(positions - box[:3], dim=1) < box[3:6].norm() / 2 + 0.01
        assert near.any()
