"""The nearest rotation, and angles between rotations."""

import math

import pytest
import torch

from condense_ns.geometry.rotations import angles_between, nearest_rotation


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def about(axis, radians):
    x, y, z = (torch.tensor(axis).double() / torch.tensor(axis).double().norm()).tolist()
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]).double()
    return torch.linalg.matrix_exp(radians * cross)


def are_rotations(matrices):
    products = matrices @ matrices.transpose(-1, -2)
    determinants = torch.linalg.det(matrices)
    return bool(
        (products - torch.eye(3)).abs().max() < 1e-12 and (determinants - 1).abs().max() < 1e-12
    )


def test_a_scaled_rotation_by_hand():
    quarter = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]).double()
    assert torch.allclose(nearest_rotation(2.5 * quarter), quarter, atol=1e-14)
    assert torch.allclose(nearest_rotation(quarter), quarter, atol=1e-14)


def test_a_reflection_becomes_a_rotation():
    mirrored = torch.diag(torch.tensor([3.0, 2.0, -1.0])).double()
    assert torch.allclose(nearest_rotation(mirrored), torch.eye(3).double(), atol=1e-14)


def test_any_shape_of_batch_gets_rotations():
    for shape in ((), (0,), (7,), (4, 5)):
        found = nearest_rotation(normal(*shape, 3, 3))
        assert found.shape == (*shape, 3, 3)
        assert found.numel() == 0 or are_rotations(found)
    together = nearest_rotation(normal(7, 3, 3))
    assert torch.allclose(together[4], nearest_rotation(normal(7, 3, 3)[4]), atol=1e-12)


def test_no_other_rotation_is_nearer():
    for matrix in normal(10, 3, 3, seed=1):
        best = nearest_rotation(matrix)
        others = nearest_rotation(normal(300, 3, 3, seed=2))
        near = torch.stack([best @ about(axis, 0.01) for axis in normal(50, 3, seed=3).tolist()])
        distances = (torch.cat([others, near]) - matrix).flatten(1).norm(dim=1)
        assert (best - matrix).norm() <= distances.min()


@pytest.mark.parametrize("matrix", [torch.zeros(3, 3), torch.ones(3, 3)])
def test_what_has_no_single_nearest_rotation_gets_one_of_them(matrix):
    assert are_rotations(nearest_rotation(matrix.double()))


def test_the_mean_of_two_turns_about_one_axis_is_the_turn_between():
    axis = (1.0, -2.0, 0.5)
    mean = nearest_rotation(0.5 * about(axis, 0.2) + 0.5 * about(axis, 0.8))
    assert torch.allclose(mean, about(axis, 0.5), atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.5, 2.0, math.pi])
def test_angles_are_those_of_the_turns(angle):
    first = nearest_rotation(normal(3, 3, seed=4))
    axes = normal(6, 3, seed=5).tolist()
    others = torch.stack([about(axis, angle) @ first for axis in axes])
    expected = torch.full((6,), angle, dtype=torch.float64)
    assert torch.allclose(angles_between(first, others), expected, atol=1e-6)


def test_angles_are_finite_beyond_rounding_and_none_without_others():
    almost = torch.stack([torch.eye(3), -torch.eye(3)]).double() * (1 + 1e-9)
    assert angles_between(torch.eye(3).double(), almost).tolist() == [0.0, math.pi]
    assert angles_between(torch.eye(3).double(), normal(0, 3, 3)).shape == (0,)
