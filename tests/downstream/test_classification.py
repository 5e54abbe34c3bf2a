"""Classes of clouds: rows, loss and accuracies by hand."""

from dataclasses import replace

import pytest
import torch

from condense_ns.downstream.classification import Classification
from condense_ns.downstream.prepared_cloud import Preparation, prepared
from tests.downstream.made_up_clouds import shapes_data

DATA = shapes_data()


@pytest.fixture(scope="module")
def ball():
    return prepared(DATA.train[0], DATA, Preparation(resolution=4))


def test_a_cloud_has_one_row_of_twice_the_latent(ball):
    task = Classification(DATA)
    rows = task.rows(torch.randn(len(ball.volume), 5), ball)
    assert rows.shape == (1, 10)
    assert task.head("linear", 5)(rows, ball.volume).shape == (1, 2)


def test_the_loss_is_the_cross_entropy(ball):
    loss = Classification(DATA).loss(torch.tensor([[2.0, 0.0]]), ball)
    assert float(loss) == pytest.approx(float(torch.log1p(torch.tensor(-2.0).exp())))


def test_accuracies_by_hand(ball, tmp_path):
    scores = Classification(DATA).scores()
    for category, answer in ((0, 0), (0, 1), (0, 0), (1, 1)):
        answers = torch.nn.functional.one_hot(torch.tensor([answer]), 2).float()
        scores.add(answers, replace(ball, category=category))
    figures = scores.figures()
    assert figures == {
        "overall_accuracy": pytest.approx(3 / 4),
        "class_accuracy": pytest.approx((2 / 3 + 1) / 2),
    }
    scores.write_picture(tmp_path / "errors.png")
    assert (tmp_path / "errors.png").is_file()
