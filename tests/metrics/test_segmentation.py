"""Confusion matrices and what is computed from them, by hand and against counting one by one."""

import math

import pytest
import torch

from condense_ns.metrics.segmentation import (
    class_ious,
    confusion_matrix,
    majority_figures,
    segmentation_figures,
)


def drawn(classes=5, pixels=(7, 9), seed=0):
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(-1, classes - 1, pixels, generator=generator)  # the last never occurs
    return torch.randint(-1, classes, pixels, generator=generator), truth, classes


def test_six_pixels_by_hand():
    truth = torch.tensor([0, 0, 0, 1, 1, -1])
    predicted = torch.tensor([0, 0, 1, 1, -1, 2])
    confusion = confusion_matrix(predicted, truth, 3)
    assert confusion.tolist() == [[2, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
    assert class_ious(confusion) == {0: 2 / 3, 1: 1 / 3}
    figures = segmentation_figures(confusion)
    assert figures["mean_iou"] == pytest.approx(1 / 2)
    assert figures["pixel_accuracy"] == pytest.approx(3 / 5)
    assert figures["class_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    blind = majority_figures(confusion)  # class 0 everywhere
    assert blind["pixel_accuracy"] == pytest.approx(3 / 5)
    assert blind["mean_iou"] == pytest.approx((3 / 5 + 0) / 2)
    assert blind["class_accuracy"] == pytest.approx(1 / 2)


def test_the_matrix_counts_pairs_of_pixels():
    predicted, truth, classes = drawn()
    confusion = confusion_matrix(predicted, truth, classes)
    for true in range(classes):
        for answer in range(-1, classes):
            count = sum(
                int(t == true and p == answer)
                for t, p in zip(truth.flatten(), predicted.flatten(), strict=True)
            )
            assert confusion[true, answer] == count  # column -1 is the last one
    assert confusion.sum() == (truth >= 0).sum()


def test_iou_is_intersection_over_union_of_the_masks():
    predicted, truth, classes = drawn(seed=1)
    ious = class_ious(confusion_matrix(predicted, truth, classes))
    assert set(ious) == {0, 1, 2, 3}
    labelled = truth >= 0
    for number, iou in ious.items():
        right, claimed = (truth == number) & labelled, (predicted == number) & labelled
        assert iou == pytest.approx(int((right & claimed).sum()) / int((right | claimed).sum()))


def test_matrices_of_views_add_up():
    predicted, truth, classes = drawn()
    whole = confusion_matrix(predicted, truth, classes)
    halves = [
        confusion_matrix(predicted[part], truth[part], classes) for part in (slice(3), slice(3, 7))
    ]
    assert torch.equal(whole, halves[0] + halves[1])


def test_a_perfect_answer_gets_one_and_no_answer_nothing():
    _, truth, classes = drawn()
    perfect = segmentation_figures(confusion_matrix(truth, truth, classes))
    assert perfect == dict.fromkeys(perfect, 1.0)
    silent = confusion_matrix(torch.full_like(truth, -1), truth, classes)
    assert segmentation_figures(silent) == dict.fromkeys(perfect, 0.0)


def test_names_of_classes_do_not_matter():
    predicted, truth, classes = drawn()
    order = torch.tensor([3, 1, 4, 0, 2, -1])  # what is -1 stays so
    first = segmentation_figures(confusion_matrix(predicted, truth, classes))
    second = segmentation_figures(confusion_matrix(order[predicted], order[truth], classes))
    assert second == pytest.approx(first)


@pytest.mark.parametrize("pixels", [(0,), (0, 4), (3, 4)])
def test_without_a_labelled_pixel_there_is_no_number(pixels):
    nothing = torch.full(pixels, -1)
    confusion = confusion_matrix(torch.zeros_like(nothing), nothing, 3)
    assert confusion.shape == (3, 4)
    assert not confusion.any()
    assert class_ious(confusion) == {}
    for figures in (segmentation_figures(confusion), majority_figures(confusion)):
        assert set(figures) == {"mean_iou", "pixel_accuracy", "class_accuracy"}
        assert all(math.isnan(value) for value in figures.values())


def test_a_false_claim_on_an_unlabelled_pixel_costs_nothing():
    truth = torch.tensor([0, 1, -1, -1])
    assert segmentation_figures(confusion_matrix(torch.tensor([0, 1, 0, 1]), truth, 2)) == {
        "mean_iou": 1.0,
        "pixel_accuracy": 1.0,
        "class_accuracy": 1.0,
    }
