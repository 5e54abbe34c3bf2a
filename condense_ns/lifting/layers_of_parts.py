"""Layers of channels side by side, without laying them side by side.

``layer(cat([a, b])) = layer_a(a) + layer_b(b)``: large tensors are not copied, and a part that all sources
share is worked out once.
"""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def of_parts(network: nn.Module, parts: Sequence[Tensor]) -> Tensor:
    """What a layer, or layers in sequence, make of parts of the channels.

    Args:
        network: of which the first layer is linear, or a convolution that repeats what lies at the border.
        parts: of its input; what is not a channel is alike in all, or broadcast to that of the first. Channels are
            last for a linear layer, second for a convolution.
    """
    if isinstance(network, nn.Sequential):
        return network[1:](of_parts(network[0], parts))
    if isinstance(network, nn.Linear):
        return _linear(network, parts)
    assert isinstance(network, nn.Conv2d)
    assert network.padding_mode == "replicate"
    return _convolution(network, parts)


def _linear(layer: nn.Linear, parts: Sequence[Tensor]) -> Tensor:
    columns = layer.weight.split([part.shape[-1] for part in parts], dim=1)
    total = F.linear(parts[0], columns[0], layer.bias)
    for part, some in zip(parts[1:], columns[1:], strict=True):
        total += F.linear(part, some)
    return total


def _convolution(layer: nn.Conv2d, parts: Sequence[Tensor]) -> Tensor:
    kernels = layer.weight.split([part.shape[1] for part in parts], dim=1)
    across, along = layer.padding
    border = (int(along), int(along), int(across), int(across))
    found = [
        F.conv2d(F.pad(part, border, mode="replicate"), kernel, dilation=layer.dilation)
        for part, kernel in zip(parts, kernels, strict=True)
    ]
    total = reduce(torch.add, found)
    return total if layer.bias is None else total + layer.bias[:, None, None]
