"""Interpolation agrees with a slow loop over corners, and with a dense grid where all is occupied."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.volumes.trilinear import LEAST_KNOWN, corner_voxels, trilinear
from tests.volumes.made_up_volumes import (
    features_of,
    number_at,
    positions_around,
    random_volume,
    volume_of,
)


def slowly(volume, values, position):
    """One position: the value and whether it is known."""
    place = [
        (p - o) / volume.voxel_size - 0.5
        for p, o in zip(position, volume.origin.tolist(), strict=True)
    ]
    total, known = torch.zeros(values.shape[1]), 0.0
    for corner in range(8):
        steps = [corner >> 2 & 1, corner >> 1 & 1, corner & 1]
        index = tuple(math.floor(p) + s for p, s in zip(place, steps, strict=True))
        weight = math.prod(
            (p - math.floor(p)) if s else 1 - (p - math.floor(p))
            for p, s in zip(place, steps, strict=True)
        )
        number = number_at(volume, index)
        if number >= 0:
            total, known = total + weight * values[number], known + weight
    valid = known >= LEAST_KNOWN
    return (total / known if valid else torch.zeros_like(total)), valid


def test_by_hand_between_two_voxels():
    volume = volume_of([[0, 0, 0], [0, 0, 1]])
    values = torch.tensor([[1.0], [3.0]])
    asked = torch.tensor([[0.5, 0.5, 0.5], [0.5, 0.5, 1.0], [0.5, 0.5, 1.25], [0.5, 0.5, 2.0]])
    found, valid = trilinear(volume, values, asked)
    assert found[:, 0].tolist() == [1.0, 2.0, 2.5, 3.0]
    assert valid.tolist() == [True, True, True, True]


def test_what_lies_too_far_from_any_voxel_is_not_known():
    volume = volume_of([[0, 0, 0]])
    asked = torch.tensor([[0.5, 0.5, 1.24], [0.5, 0.5, 1.26], [1.2, 1.2, 1.2], [9.0, 9.0, 9.0]])
    found, valid = trilinear(volume, torch.tensor([[2.0]]), asked)
    assert valid.tolist() == [True, False, False, False]
    assert found[:, 0].tolist() == [2.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("seed", [0, 1])
def test_it_agrees_with_a_loop(seed):
    volume = random_volume(seed)
    positions = positions_around(volume, 200)
    found, valid = trilinear(volume, features_of(volume), positions)
    expected = [slowly(volume, features_of(volume), position) for position in positions.tolist()]
    assert valid.tolist() == [known for _, known in expected]
    assert 20 < valid.sum() < 180
    torch.testing.assert_close(found, torch.stack([value for value, _ in expected]))


def test_it_agrees_with_a_dense_grid():
    across = 4
    volume = volume_of(torch.cartesian_prod(*[torch.arange(across)] * 3).tolist(), voxel_size=0.5)
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(len(volume), 5, generator=generator)
    inside = 0.25 + (across - 1) * 0.5 * torch.rand(300, 3, generator=generator)
    dense = values.T.reshape(1, 5, across, across, across)
    grid = (inside / (across * 0.5) * 2 - 1).flip(1)[None, None, None]
    expected = F.grid_sample(dense, grid, align_corners=False)[0, :, 0, 0].T
    found, valid = trilinear(volume, values, inside)
    assert valid.all()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_constant_stays_constant_at_the_rim():
    volume = random_volume()
    found, valid = trilinear(
        volume, torch.full((len(volume), 2), 7.0), positions_around(volume, 500)
    )
    assert torch.allclose(found[valid], torch.tensor(7.0))
    assert (found[~valid] == 0).all()


def test_weights_sum_to_one_and_corners_are_neighbours():
    volume = random_volume()
    numbers, weights = corner_voxels(volume, positions_around(volume, 100))
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(100))
    assert (weights >= 0).all()
    spread = volume.voxel_indices[numbers[(numbers >= 0).all(dim=1)]].float()
    assert (spread.amax(dim=1) - spread.amin(dim=1) == 1).all()


def test_gradients_of_values_and_positions():
    volume = random_volume(channels=2)
    positions = positions_around(volume, 4).double().requires_grad_()
    values = features_of(volume).double().requires_grad_()
    assert torch.autograd.gradcheck(
        lambda v, p: trilinear(volume, v, p)[0], (values, positions), atol=1e-4
    )


def test_nowhere_and_nothing():
    empty = volume_of([])
    found, valid = trilinear(empty, torch.empty(0, 3), torch.rand(4, 3))
    assert found.tolist() == [[0.0] * 3] * 4
    assert not valid.any()
    found, valid = trilinear(random_volume(), features_of(random_volume()), torch.empty(0, 3))
    assert found.shape == (0, 4)
    assert valid.shape == (0,)


@pytest.mark.parametrize("far", [1e30, -1e30, torch.nan, torch.inf])
def test_impossible_places_are_not_known(far):
    volume = random_volume()
    found, valid = trilinear(volume, features_of(volume), torch.tensor([[0.0, far, 0.0]]))
    assert not valid.any()
    assert (found == 0).all()
