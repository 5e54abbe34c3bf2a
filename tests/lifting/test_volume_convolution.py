"""Convolutions of volumes are those of torch, whatever works them out."""

import pytest
import torch
from torch import nn

from condense_ns.lifting.volume_convolution import VolumeConvolution


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("shape", [(6, 7, 9), (5, 1, 3), (24, 40, 40)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_and_gradients_are_those_of_torch(stride, shape, dtype):
    torch.manual_seed(0)
    quick = VolumeConvolution(3, 4, 3, stride=stride, padding=1).to(dtype)
    usual = nn.Conv3d(3, 4, 3, stride=stride, padding=1).to(dtype)
    usual.load_state_dict(quick.state_dict())
    found, expected = [], []
    for layer, results in ((quick, found), (usual, expected)):
        given = torch.linspace(-1, 1, 3 * shape[0] * shape[1] * shape[2], dtype=dtype).sin()
        given = given.reshape(1, 3, *shape).requires_grad_()
        answer = layer(given)
        wanted = [given, layer.weight, layer.bias]
        results += [answer, *torch.autograd.grad(answer.square().mean(), wanted)]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
