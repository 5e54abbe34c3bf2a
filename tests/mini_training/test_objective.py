"""The losses, by hand and where nothing is to be learned."""

import math

import pytest
import torch

from condense_ns.mini_training.objective import (
    balanced_weights,
    class_loss,
    generic_loss,
    image_caption_loss,
    multi_positive_loss,
    similarities,
)


def test_similarities_are_cosines_times_the_scale():
    rows, columns = torch.tensor([[3.0, 0.0]]), torch.tensor([[5.0, 5.0], [0.0, 2.0]])
    expected = torch.tensor([[10 / math.sqrt(2), 0.0]])
    torch.testing.assert_close(similarities(rows, columns, torch.tensor(10.0)), expected)


def test_positives_of_a_row_do_not_compete():
    logits = torch.tensor([[2.0, 2.0, 0.0]])
    positive = torch.tensor([[True, True, False]])
    loss = multi_positive_loss(logits, positive, torch.ones(1))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)))


def test_class_loss_is_a_weighted_mean_that_leaves_out_minus_one():
    logits = torch.tensor([[0.0, 0.0], [0.0, math.log(3.0)], [9.0, 0.0]])
    loss = class_loss(logits, torch.tensor([0, 1, -1]), torch.tensor([1.0, 3.0]))
    assert loss.item() == pytest.approx((math.log(2) + 3 * math.log(4 / 3)) / 4)


def test_one_image_with_one_caption_has_nothing_to_be_told_apart():
    loss = image_caption_loss(torch.tensor([[3.0]]), torch.tensor([[True]]))
    assert loss.item() == pytest.approx(0.0, abs=1e-6)


def test_a_generic_word_belongs_between_true_and_false_phrases():
    positive, one = torch.tensor([[True, False]]), torch.ones(1)
    logits = torch.tensor([[1.0, -2.0]])
    loss = generic_loss(logits, positive, torch.zeros(1), one)
    assert loss.item() == pytest.approx(math.log1p(math.exp(-1)) + math.log1p(math.exp(-2)))
    assert generic_loss(logits.flip(1), positive, torch.zeros(1), one) > loss


@pytest.mark.parametrize("loss", [class_loss, multi_positive_loss, generic_loss])
def test_without_a_valid_row_losses_and_gradients_are_zero(loss):
    logits = torch.randn(3, 2, requires_grad=True)
    nothing = torch.zeros(3, 2, dtype=torch.bool)
    others = {
        class_loss: (torch.full((3,), -1), torch.ones(2)),
        multi_positive_loss: (nothing, torch.ones(3)),
        generic_loss: (nothing, torch.zeros(3), torch.ones(3)),
    }[loss]
    answer = loss(logits, *others)
    answer.backward()
    assert answer.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_balanced_weights_fall_with_the_root_of_the_frequency():
    weights = balanced_weights(torch.tensor([1.0, 4.0]))
    torch.testing.assert_close(weights[0] / weights[1], torch.tensor(2.0))
    torch.testing.assert_close((weights * torch.tensor([0.2, 0.8])).sum(), torch.tensor(1.0))
