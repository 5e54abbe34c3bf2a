"""A layer with an update of low rank beside it."""

import torch
from torch.nn import functional as F

from condense_ns.fields.low_rank_linear import ALPHA, LowRankLinear, linear


def made(inputs: int = 6, outputs: int = 4, rank: int = 2) -> LowRankLinear:
    """With an update that is not zero."""
    torch.manual_seed(0)
    layer = LowRankLinear(inputs, outputs, rank)
    torch.nn.init.normal_(layer.up)
    return layer


def test_by_hand():
    """W = 0, b = 1, A = (1 2), B = 3: 1 + 16 / 1 * 3 * (1 * 5 + 2 * 7)."""
    layer = made(2, 1, 1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.fill_(1.0)
        layer.down.copy_(torch.tensor([[1.0, 2.0]]))
        layer.up.fill_(3.0)
    assert layer(torch.tensor([5.0, 7.0])).tolist() == [1 + ALPHA * 3 * 19]


def test_before_training_nothing_is_added_and_the_update_alone_learns():
    torch.manual_seed(0)
    layer, given = LowRankLinear(6, 4, 2), torch.randn(3, 6)
    found = layer(given)
    assert torch.equal(found, F.linear(given, layer.weight, layer.bias))
    found.square().sum().backward()
    assert layer.weight.grad is None
    assert layer.bias.grad is None
    assert layer.up.grad is not None
    assert layer.up.grad.any()


def test_merged_into_the_weight_it_answers_the_same():
    layer, given = made(), torch.randn(3, 5, 6)
    plain = F.linear(given, layer.merged_weight, layer.bias)
    torch.testing.assert_close(layer(given), plain)
    assert (plain - F.linear(given, layer.weight, layer.bias)).abs().max() > 0.1
    assert torch.linalg.matrix_rank(layer.merged_weight - layer.weight) == 2


def test_at_rank_zero_the_layer_itself_learns():
    layer = linear(3, 2, 0)
    assert type(layer) is torch.nn.Linear
    assert all(weight.requires_grad for weight in layer.parameters())
