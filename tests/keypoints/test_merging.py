"""Candidates of one voxel beside a slow loop over them."""

import math

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.keypoints.merging import MOST_VOXELS, merge_in_voxels


def candidates(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    xyz = 3 * torch.rand(count, 3, generator=generator, dtype=torch.float64) - 1
    scores = torch.randint(0, 4, (count,), generator=generator) / 4.0  # many are equally good
    return xyz, scores


def slowly(xyz, scores, size):
    low, voxels = xyz.amin(dim=0), {}
    for number in range(len(xyz)):
        cell = tuple(((xyz[number] - low) / size).floor().long().tolist())
        voxels.setdefault(cell, []).append(number)

    def better_first(number):
        return (-float(scores[number]), *xyz[number].tolist())

    best = {min(members, key=better_first): len(members) for members in voxels.values()}
    chosen = sorted(best, key=better_first)
    return chosen, [best[number] for number in chosen]


@pytest.mark.parametrize("size", [0.05, 0.5, 1.0, 100.0])
def test_the_best_of_each_voxel_are_those_of_the_loop(size):
    xyz, scores = candidates(400)
    merged = merge_in_voxels(xyz, scores, size)
    assert (merged.chosen.tolist(), merged.support.tolist()) == slowly(xyz, scores, size)
    assert merged.support.sum() == 400


def test_voxels_by_hand():
    xyz = torch.tensor([[0.0, 0, 0], [0.9, 0.9, 0.9], [1.1, 0, 0], [0.5, 0, 0]]).double()
    merged = merge_in_voxels(xyz, torch.tensor([0.2, 0.9, 0.5, 0.9]), 1.0)
    assert merged.chosen.tolist() == [3, 2]  # of two equally good ones that with the smaller x
    assert merged.support.tolist() == [3, 1]


def test_the_order_of_the_candidates_does_not_matter():
    xyz, scores = candidates(300, seed=1)
    order = torch.randperm(300, generator=torch.Generator().manual_seed(2))
    one, other = merge_in_voxels(xyz, scores, 0.4), merge_in_voxels(xyz[order], scores[order], 0.4)
    assert torch.equal(order[other.chosen], one.chosen)
    assert torch.equal(other.support, one.support)


def test_moving_everything_moves_the_voxels_along():
    xyz, scores = candidates(200, seed=3)
    xyz = (xyz * 1024).round() / 1024  # so that shifting rounds nothing
    one = merge_in_voxels(xyz, scores, 0.25)
    assert torch.equal(merge_in_voxels(xyz + 512.0, scores, 0.25).chosen, one.chosen)


def test_nothing_is_merged_to_nothing():
    merged = merge_in_voxels(torch.zeros(0, 3).double(), torch.zeros(0), 1.0)
    assert len(merged.chosen) == len(merged.support) == 0
    assert merged.chosen.dtype == torch.long


@pytest.mark.parametrize("size", [0.0, -1.0, math.nan])
def test_a_voxel_size_that_is_none(size):
    with pytest.raises(UserError, match="it must be above 0"):
        merge_in_voxels(*candidates(3), size)


def test_voxels_that_cannot_be_numbered_are_refused_and_the_smallest_that_can_are_not():
    xyz = torch.tensor([[0.0, 0, 0], [1.0, 1, 1]]).double() * (MOST_VOXELS + 0.5)
    scores = torch.tensor([0.5, 1.0])
    assert merge_in_voxels(xyz, scores, 1.0).chosen.tolist() == [1, 0]
    with pytest.raises(UserError, match="choose a larger radius"):
        merge_in_voxels(xyz, scores, 0.999999)
