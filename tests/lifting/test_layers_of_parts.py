"""Layers of parts are the layers of what the parts are together."""

import pytest
import torch
from torch import nn

from condense_ns.lifting.layers_of_parts import of_parts


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer_by_hand(bias):
    layer = nn.Linear(3, 1, bias=bias)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 10, 100]]))
        if bias:
            layer.bias.fill_(0.5)
    found = of_parts(layer, [torch.tensor([[1.0, 2]]), torch.tensor([[3.0]])])
    assert found.tolist() == [[321.0 + 0.5 * bias]]


def test_linear_layers_in_sequence():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 2))
    parts = [some(3, 4, 2), some(3, 4, 1, seed=1), some(3, 4, 4, seed=2)]
    torch.testing.assert_close(of_parts(network, parts), network(torch.cat(parts, dim=-1)))


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("bias", [True, False])
def test_a_part_for_all_images_is_worked_out_once(dilation, bias):
    torch.manual_seed(0)
    layer = nn.Conv2d(
        6, 4, 3, padding=dilation, dilation=dilation, padding_mode="replicate", bias=bias
    )
    network = nn.Sequential(layer, nn.ReLU(), nn.Conv2d(4, 1, 1))
    own, shared = some(3, 2, 8, 9), some(1, 4, 8, 9, seed=1)
    whole = torch.cat([own, shared.expand(3, 4, 8, 9)], dim=1)
    torch.testing.assert_close(of_parts(network, [own, shared]), network(whole))


def test_gradients_are_those_of_the_whole():
    torch.manual_seed(0)
    layer, parts = nn.Linear(5, 2), [some(4, 3), some(4, 2, seed=1)]
    wholes = of_parts(layer, parts), layer(torch.cat(parts, dim=1))
    found, expected = (torch.autograd.grad(one.square().sum(), layer.weight) for one in wholes)
    torch.testing.assert_close(found, expected)
