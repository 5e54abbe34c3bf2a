"""Points are answered for by their voxel; parts of other categories are never answered."""

from dataclasses import replace

import pytest
import torch

from condense_ns.downstream.labelled_cloud import LabelledCloud
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from condense_ns.downstream.segmentation import Segmentation
from condense_ns.volumes.from_points import PointCloud
from tests.downstream.made_up_clouds import rooms_data, shapes_data

POSITIONS = torch.tensor([[0.5, 0.5, 0.5], [0.6, 0.5, 0.5], [0.7, 0.5, 0.5], [1.5, 0.5, 0.5]])


def cloud_of(labels, data, category=-1):
    sample = LabelledCloud("four points", PointCloud(POSITIONS.double()), category, labels)
    return prepared(sample, replace(data, metres=False), Preparation(voxel_size=1.0))


def test_scores_count_points_and_the_loss_counts_voxels():
    data = rooms_data()
    cloud = cloud_of(torch.tensor([0, 0, 1, -1]), data)
    assert len(cloud.volume) == 2
    task = Segmentation(data)
    answers = torch.tensor([[3.0, 0], [0, 3.0]])
    scores = task.scores()
    scores.add(answers, cloud)
    figures = scores.figures()
    assert figures["overall_accuracy"] == pytest.approx(2 / 3)  # the last point is not labelled
    assert figures["mean_iou"] == pytest.approx((2 / 3 + 0) / 2)
    assert next(iter(figures)) == "mean_iou"
    alone = torch.nn.functional.cross_entropy(answers[:1], torch.tensor([0]))
    assert float(task.loss(answers, cloud)) == pytest.approx(float(alone))


def test_parts_of_other_categories_are_never_answered():
    data = shapes_data("parts")
    cloud = cloud_of(torch.tensor([2, 2, 2, 3]), data, category=1)
    task = Segmentation(data)
    answers = torch.tensor([[9.0, 9, 1, 0], [9, 9, 0, 1]], requires_grad=True)
    scores = task.scores()
    scores.add(answers.detach(), cloud)
    assert scores.figures() == {"instance_iou": 1.0, "class_iou": 1.0, "overall_accuracy": 1.0}
    loss = task.loss(answers, cloud)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(torch.log1p(torch.tensor(-1.0).exp())))
    assert answers.grad is not None
    assert (answers.grad[:, :2] == 0).all()
    assert torch.isfinite(answers.grad).all()


def test_an_unlabelled_cloud_teaches_nothing():
    data = shapes_data("parts")
    cloud = cloud_of(torch.full((4,), -1), data, category=1)
    answers = torch.zeros(2, 4, requires_grad=True)
    loss = Segmentation(data).loss(answers, cloud)
    loss.backward()
    assert float(loss.detach()) == 0
    assert answers.grad is not None
    assert (answers.grad == 0).all()


def test_some_voxels_are_judged_as_they_would_be_among_all():
    data = rooms_data()
    cloud = cloud_of(torch.tensor([0, 0, 1, 1]), data)
    task, answers = Segmentation(data), torch.tensor([[3.0, 0], [0, 5.0]])
    chosen = torch.tensor([1])
    alone = torch.nn.functional.cross_entropy(answers[1:], torch.tensor([1]))
    assert float(task.loss(answers[chosen], task.part(cloud, chosen))) == pytest.approx(
        float(alone)
    )
