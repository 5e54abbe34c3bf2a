"""The confusion matrix, its figures and its picture."""

import math

import pytest
import torch
from PIL import Image
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index

from condense_ns.downstream.confusion import Confusion


def test_counts_by_hand():
    confusion = Confusion(("a", "b"))
    confusion.add(torch.tensor([0, 1, 1]), torch.tensor([0, 0, -1]))
    confusion.add(torch.tensor([1]), torch.tensor([1]))
    assert confusion.matrix.tolist() == [[1, 1, 0], [0, 1, 0]]
    found = confusion.figures()
    assert found["pixel_accuracy"] == pytest.approx(2 / 3)
    assert found["class_accuracy"] == pytest.approx(0.75)
    assert found["mean_iou"] == pytest.approx(0.5)


def test_figures_agree_with_torchmetrics_where_all_classes_occur():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(0, 5, (400,), generator=generator)
    predicted = torch.where(torch.rand(400, generator=generator) < 0.5, truth, truth.flip(0))
    confusion = Confusion(tuple("abcde"))
    confusion.add(predicted, truth)
    found = confusion.figures()
    micro, macro = (
        float(multiclass_accuracy(predicted, truth, 5, average=a)) for a in ("micro", "macro")
    )
    assert found["pixel_accuracy"] == pytest.approx(micro)
    assert found["class_accuracy"] == pytest.approx(macro)
    assert found["mean_iou"] == pytest.approx(float(multiclass_jaccard_index(predicted, truth, 5)))


def test_one_class_and_no_answers_are_no_mistake():
    confusion = Confusion(("a",))
    assert math.isnan(confusion.figures()["mean_iou"])
    confusion.add(torch.tensor([0]), torch.tensor([0]))
    assert confusion.figures()["mean_iou"] == 1


def test_the_picture_is_a_png(tmp_path):
    confusion = Confusion(("chair", "table"))
    confusion.add(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
    confusion.write_picture(tmp_path / "errors.png", "share of clouds")
    with Image.open(tmp_path / "errors.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 300
    assert [file.name for file in tmp_path.iterdir()] == ["errors.png"]
