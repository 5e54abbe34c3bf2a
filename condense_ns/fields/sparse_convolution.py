"""Convolutions over occupied voxels, on any device, with plain gathers, products and additions.

A 3 x 3 x 3 convolution adds, for each of the 27 places k of its kernel, the products of the weights
W_k with the voxels that have an occupied neighbour there:

    y(v) = sum_k W_k^T x(v + k),    k in {-1, 0, 1}^3, over the occupied v + k

Half of the 26 neighbours suffice to know all: if u is v's neighbour at k, v is u's at -k. Within one
addition no voxel occurs twice, so that sums have the same order, and bits, in every run.

On a CPU, ocnn's convolutions take more than twice the time in the same network: they multiply with
empty neighbours too (`tests/fields/test_backbone_speed.py` prints both).
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.fields.voxel_pyramid import OCTANTS, STEPS, VoxelLevel

_CENTRE = len(STEPS) // 2
_LAST = len(STEPS) - 1


class SparseConvolution(nn.Module):
    """3 x 3 x 3, without a bias (a norm follows); the answer is at the same voxels.

    Args:
        inputs: channels.
        outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(len(STEPS), inputs, outputs))
        # Surfaces fill about half of the places of a kernel.
        nn.init.normal_(self.weight, std=(len(STEPS) / 2 * inputs) ** -0.5)

    def forward(
        self, features: Float[Tensor, "voxels inputs"], level: VoxelLevel
    ) -> Float[Tensor, "voxels outputs"]:
        """Sums over the occupied neighbours, in single precision whatever is asked around."""
        with torch.autocast(features.device.type, enabled=False):
            return _Convolution.apply(features.float(), self.weight, level)  # type: ignore[return-value]


class Halving(nn.Module):
    """2 x 2 x 2 with stride 2: to the next coarser level.

    Args:
        inputs: channels.
        outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(OCTANTS * inputs, outputs)

    def forward(
        self, features: Float[Tensor, "voxels inputs"], level: VoxelLevel, coarser: VoxelLevel
    ) -> Float[Tensor, "coarser outputs"]:
        """Features of `level` to features of `coarser`."""
        assert level.slots is not None
        octants = features.new_zeros(OCTANTS * coarser.count, features.shape[1])
        octants = octants.index_copy(0, level.slots, features)
        return self.linear(octants.reshape(coarser.count, OCTANTS * features.shape[1]))


class Doubling(nn.Module):
    """2 x 2 x 2 with stride 2, transposed: from the next coarser level.

    Args:
        inputs: channels.
        outputs: channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.linear = nn.Linear(inputs, OCTANTS * outputs)

    def forward(
        self, features: Float[Tensor, "coarser inputs"], level: VoxelLevel
    ) -> Float[Tensor, "voxels outputs"]:
        """Features of the level above `level` to features of `level`."""
        assert level.slots is not None
        octants = self.linear(features).reshape(OCTANTS * len(features), self.outputs)
        return octants[level.slots]


class _Convolution(torch.autograd.Function):
    """Keeps inputs and weights alone for the gradient, not the 27 gathered copies."""

    @staticmethod
    def forward(
        ctx: Any,
        features: Float[Tensor, "voxels inputs"],
        weight: Float[Tensor, "27 inputs outputs"],
        level: VoxelLevel,
    ) -> Float[Tensor, "voxels outputs"]:
        """The sums of the module docstring."""
        ctx.save_for_backward(features, weight)
        ctx.level = level
        total = features @ weight[_CENTRE]
        for step, (voxels, before) in enumerate(level.touching):
            total.index_add_(0, voxels, features.index_select(0, before) @ weight[step])
            total.index_add_(0, before, features.index_select(0, voxels) @ weight[_LAST - step])
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, gradient: Float[Tensor, "voxels outputs"]
    ) -> tuple[Float[Tensor, "voxels inputs"], Float[Tensor, "27 inputs outputs"], None]:
        """The gradients of features and weights."""
        features, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        of_features = gradient @ weight[_CENTRE].T
        of_weight = torch.empty_like(weight)
        of_weight[_CENTRE] = features.T @ gradient
        for step, (voxels, before) in enumerate(ctx.level.touching):
            opposite = _LAST - step
            here, there = gradient.index_select(0, voxels), gradient.index_select(0, before)
            of_weight[step] = features.index_select(0, before).T @ here
            of_weight[opposite] = features.index_select(0, voxels).T @ there
            of_features.index_add_(0, before, here @ weight[step].T)
            of_features.index_add_(0, voxels, there @ weight[opposite].T)
        return of_features, of_weight, None
