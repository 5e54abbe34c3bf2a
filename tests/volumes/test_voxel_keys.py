"""Keys keep the order of indices, and what lies in one voxel is brought together."""

import torch

from condense_ns.volumes.voxel_keys import (
    REACH,
    VoxelGroups,
    find_keys,
    find_keys_in_a_row,
    grown_keys,
    indices_of,
    key_step,
    voxel_keys,
    within_reach,
)

FARTHEST = [
    [a, b, c]
    for a in (-REACH, -1, 0, REACH)
    for b in (-REACH, 5, REACH)
    for c in (-REACH, 0, REACH)
]


def test_keys_come_back_as_indices_up_to_the_farthest_voxel():
    indices = torch.tensor(FARTHEST)
    assert torch.equal(indices_of(voxel_keys(indices)), indices)
    assert within_reach(indices).all()
    assert not within_reach(indices * 2)[-1]


def test_keys_are_ordered_as_indices_are():
    assert sorted(FARTHEST) == FARTHEST
    assert (voxel_keys(torch.tensor(FARTHEST)).diff() > 0).all()


def test_the_next_voxel_along_z_has_the_next_key():
    indices = torch.tensor(FARTHEST)
    after = indices + torch.tensor([0, 0, 1])
    assert torch.equal(voxel_keys(after), voxel_keys(indices) + 1)


def test_the_key_of_a_voxel_some_steps_away():
    indices, step = torch.tensor(FARTHEST), (-1, 1, -1)
    moved = voxel_keys(indices + torch.tensor(step))
    assert torch.equal(moved, voxel_keys(indices) + key_step(*step))


def test_keys_are_found_with_those_that_follow():
    known = torch.tensor([3, 4, 7, 9])
    asked = torch.tensor([2, 3, 4, 6, 7, 9, 10])
    assert find_keys(known, asked).tolist() == [-1, 0, 1, -1, 2, 3, -1]
    here, following, third = find_keys_in_a_row(known, asked, 3)
    assert here.tolist() == [-1, 0, 1, -1, 2, 3, -1]
    assert following.tolist() == [0, 1, -1, 2, -1, -1, -1]
    assert third.tolist() == [1, -1, -1, -1, 3, -1, -1]


def test_nothing_is_found_among_no_keys():
    none, asked = torch.empty(0, dtype=torch.long), torch.tensor([0, 5])
    assert find_keys(none, asked).tolist() == [-1, -1]
    assert [found.tolist() for found in find_keys_in_a_row(none, asked, 3)] == [[-1, -1]] * 3


def test_growing_adds_the_26_voxels_around():
    grown = indices_of(grown_keys(voxel_keys(torch.tensor([[0, 0, 0], [0, 0, 1]]))))
    expected = [[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1, 2)]
    assert grown.tolist() == expected


def test_groups_by_hand():
    groups = VoxelGroups.of_keys(torch.tensor([5, 2, 5, 9, 5]))
    assert groups.keys.tolist() == [2, 5, 9]
    assert groups.voxel_of.tolist() == [1, 0, 1, 2, 1]
    assert groups.counts.tolist() == [1, 3, 1]
    values = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]])
    assert groups.sums(values).tolist() == [[2.0], [9.0], [4.0]]
    assert groups.means(values).tolist() == [[2.0], [3.0], [4.0]]


def test_sums_of_few_and_of_many_channels_are_the_same():
    generator = torch.Generator().manual_seed(0)
    groups = VoxelGroups.of_keys(torch.randint(0, 30, (500,), generator=generator))
    values = torch.randn(500, 20, generator=generator)
    many = groups.sums(values)
    for count in (1, 3, 9, 10):
        assert torch.equal(groups.sums(values[:, :count]), many[:, :count])
