"""Sparse convolutions are dense ones of a grid that is zero where there are no voxels."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.fields.sparse_convolution import Doubling, Halving, SparseConvolution
from condense_ns.fields.voxel_pyramid import voxel_pyramid
from tests.voxel_scenes import surface_voxels

SIDE = 8


@pytest.fixture
def voxels():
    torch.manual_seed(0)
    return surface_voxels(SIDE).long()


def dense(voxels, features, side=SIDE):
    """The grid [1 channels x y z] of features."""
    grid = features.new_zeros(side, side, side, features.shape[1])
    grid = grid.index_put(tuple(voxels.T), features)
    return grid.permute(3, 0, 1, 2)[None]


def at_voxels(grid, voxels):
    return grid[0].permute(1, 2, 3, 0)[tuple(voxels.T)]


def test_one_voxel_meets_the_middle_of_the_kernel_alone():
    convolution = SparseConvolution(2, 3)
    features = torch.tensor([[2.0, -1.0]])
    level = voxel_pyramid([torch.tensor([[4, 4, 4]])], 1).levels[0]
    expected = 2 * convolution.weight[13, 0] - convolution.weight[13, 1]
    assert torch.allclose(convolution(features, level)[0], expected)


def test_answers_and_gradients_are_those_of_a_dense_convolution(voxels):
    convolution = SparseConvolution(4, 5)
    level = voxel_pyramid([voxels], 1).levels[0]
    features = torch.randn(len(voxels), 4, requires_grad=True)
    asked = torch.randn(len(voxels), 5)
    kernel = convolution.weight.reshape(3, 3, 3, 4, 5).permute(4, 3, 0, 1, 2)
    wanted = at_voxels(F.conv3d(dense(voxels, features), kernel, padding=1), voxels)
    found = convolution(features, level)
    assert torch.allclose(found, wanted, atol=1e-5)
    inputs = (features, convolution.weight)
    expected = torch.autograd.grad((wanted * asked).sum(), inputs)
    for one, other in zip(
        torch.autograd.grad((found * asked).sum(), inputs), expected, strict=True
    ):
        assert torch.allclose(one, other, atol=1e-4)


def test_halving_is_a_dense_convolution_with_stride_2(voxels):
    fine, coarse = voxel_pyramid([voxels], 2).levels
    features = torch.randn(len(voxels), 4)
    halving = Halving(4, 5)
    kernel = halving.linear.weight.reshape(5, 2, 2, 2, 4).permute(0, 4, 1, 2, 3)
    wanted = F.conv3d(dense(voxels, features), kernel, halving.linear.bias, stride=2)
    occupied = torch.unique(voxels >> 1, dim=0)
    found = halving(features, fine, coarse)
    assert torch.allclose(found, at_voxels(wanted, occupied), atol=1e-5)


def test_doubling_is_a_transposed_dense_convolution(voxels):
    fine, coarse = voxel_pyramid([voxels], 2).levels
    features = torch.randn(coarse.count, 4)
    doubling = Doubling(4, 5)
    torch.nn.init.zeros_(doubling.linear.bias)
    kernel = doubling.linear.weight.reshape(2, 2, 2, 5, 4).permute(4, 3, 0, 1, 2)
    grid = dense(torch.unique(voxels >> 1, dim=0), features, SIDE // 2)
    wanted = F.conv_transpose3d(grid, kernel, stride=2)
    assert torch.allclose(doubling(features, fine), at_voxels(wanted, voxels), atol=1e-5)


def test_half_precision_around_changes_nothing(voxels):
    convolution = SparseConvolution(4, 5)
    level = voxel_pyramid([voxels], 1).levels[0]
    features = torch.randn(len(voxels), 4, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = convolution(features, level)
    assert torch.equal(found, convolution(features, level))
    found.sum().backward()
    assert features.grad is not None
    assert features.grad.dtype == torch.float32


def test_without_voxels_there_is_nothing_and_no_error():
    fine, coarse = voxel_pyramid([torch.empty(0, 3).long()], 2).levels
    nothing = torch.empty(0, 4, requires_grad=True)
    found = Doubling(6, 5)(Halving(4, 6)(nothing, fine, coarse), fine)
    assert SparseConvolution(5, 7)(found, fine).shape == (0, 7)
