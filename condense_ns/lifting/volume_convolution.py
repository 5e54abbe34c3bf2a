"""3D convolutions that are quick on a CPU, too.

torch.nn.Conv3d leaves small batches on the CPU to a kernel without vector instructions, which takes ten times as
long as oneDNN's; a plane sweep is always a batch of one.
"""

import torch
from torch import Tensor, nn


class VolumeConvolution(nn.Conv3d):
    """nn.Conv3d with zero padding, by oneDNN wherever it can be."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # noqa: A002
        known = input.device.type == "cpu" and input.dtype == weight.dtype == torch.float32
        if not (known and torch.backends.mkldnn.is_available()):
            return super()._conv_forward(input, weight, bias)
        padding = [int(along) for along in self.padding]
        return torch.mkldnn_convolution(
            input, weight, bias, padding, self.stride, self.dilation, self.groups
        )


def convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A 3D convolution over planes, rows and columns, and what is positive of it."""
    return nn.Sequential(
        VolumeConvolution(before, after, 3, stride=stride, padding=1), nn.ReLU(True)
    )
