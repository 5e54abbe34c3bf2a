"""Voxels know where they are, can be looked up, cut out and joined."""

import pytest
import torch

from condense_ns.rendering.ray_march import march
from condense_ns.volumes.volume_checks import validated
from tests.volumes.made_up_volumes import features_of, number_at, random_volume, volume_of


def test_centres_by_hand():
    volume = volume_of([[-1, 0, 0], [2, 3, 4]], voxel_size=0.5, origin=(10.0, 0.0, -1.0))
    assert volume.centres.tolist() == [[9.75, 0.25, -0.75], [11.25, 1.75, 1.25]]
    assert volume.grid_positions(volume.centres).tolist() == [[-0.5, 0.5, 0.5], [2.5, 3.5, 4.5]]
    assert len(volume) == 2


def test_centres_of_a_surveyed_place_are_not_rounded_more_than_they_must():
    volume = volume_of([[0, 0, 0]], voxel_size=0.01, origin=(500_000.0, 4_600_000.0, 0.0))
    assert volume.centres.tolist() == [[500_000.0, 4_600_000.0, pytest.approx(0.005)]]


def test_voxels_are_found_where_they_are():
    volume = random_volume()
    asked = torch.cartesian_prod(*[torch.arange(-5, 5)] * 3)
    expected = [number_at(volume, tuple(index)) for index in asked.tolist()]
    assert volume.numbers_at(asked).tolist() == expected
    assert torch.equal(volume.numbers_at(volume.voxel_indices), torch.arange(len(volume)))


def test_nothing_is_found_beyond_what_can_be_indexed():
    volume = random_volume()
    far = torch.tensor([[2**40, 0, 0], [0, -(2**40), 0], [0, 0, 2**21]])
    assert volume.numbers_at(far).tolist() == [-1, -1, -1]


def test_the_voxels_of_a_box_with_all_that_they_have():
    volume = random_volume()
    low, high = torch.tensor([0.5, -2.5, 0.0]), torch.tensor([1.75, -1.0, 9.0])
    cropped = validated(volume.cropped(low, high))
    inside = [all(low <= centre) and all(centre <= high) for centre in volume.centres]
    assert 0 < len(cropped) < len(volume)
    assert torch.equal(cropped.voxel_indices, volume.voxel_indices[inside])
    for name in ("density", "colour", "normal", "features"):
        assert torch.equal(getattr(cropped, name), getattr(volume, name)[inside])
    assert cropped.provenance == volume.provenance


def test_merging_by_hand():
    colour = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]])
    normal = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 0]])
    volume = volume_of(
        [[-1, 0, 0], [0, 0, 0], [1, 1, 0]], density=[8.0, 4.0, 12.0], colour=colour, normal=normal
    )
    merged = volume.merged(1)
    assert merged.voxel_indices.tolist() == [[-1, 0, 0], [0, 0, 0]]
    assert merged.voxel_size == 2.0
    assert merged.density.tolist() == [1.0, 2.0]
    assert merged.colour.tolist() == [[1.0, 0, 0], [0, 0.5, 0.5]]
    assert merged.normal.tolist() == [[1.0, 0, 0], [0, 1.0, 0]]


@pytest.mark.parametrize("halvings", [0, 1, 2])
def test_merged_voxels_hold_the_means_of_their_children(halvings):
    volume = random_volume()
    merged = validated(volume.merged(halvings))
    scale = 2**halvings
    for number, index in enumerate(merged.voxel_indices.tolist()):
        parents = torch.tensor(
            [[c // scale for c in child] for child in volume.voxel_indices.tolist()]
        )
        children = (parents == torch.tensor(index)).all(dim=1)
        assert children.any()
        torch.testing.assert_close(
            merged.density[number], volume.density[children].sum() / scale**3
        )
        torch.testing.assert_close(
            features_of(merged)[number], features_of(volume)[children].mean(dim=0)
        )
        torch.testing.assert_close(merged.colour[number], volume.colour[children].mean(dim=0))
    assert merged.origin is volume.origin


def test_merging_twice_is_merging_once_by_more_for_the_density():
    volume = random_volume()
    twice, once = volume.merged(1).merged(1), volume.merged(2)
    assert torch.equal(twice.voxel_indices, once.voxel_indices)
    torch.testing.assert_close(twice.density, once.density)


def test_normals_that_cancel_are_unknown():
    normal = torch.tensor([[0, 0, 1.0], [0, 0, -1.0]])
    assert volume_of([[0, 0, 0], [0, 0, 1]], normal=normal).merged(1).normal.tolist() == [[0, 0, 0]]


def test_parallel_rays_meet_as_much_on_average_after_merging():
    volume = random_volume(across=8, count=300)
    places = (torch.cartesian_prod(torch.arange(-4, 4), torch.arange(-4, 4)) + 0.5) * 0.5
    starts = torch.cat([places, torch.full((64, 1), -9.0)], dim=1) + volume.origin.float()
    along = torch.tensor([[0.0, 0, 1.0]]).expand(64, 3)

    def thickness(of):
        samples = march(of, starts, along)
        return (of.density[samples.voxels.clamp_min(0)] * samples.deltas).sum()

    torch.testing.assert_close(thickness(volume.merged(2)), thickness(volume))


def test_another_device_keeps_everything():
    volume = random_volume()
    moved = volume.to("cpu")
    assert torch.equal(moved.keys, volume.keys)
    assert torch.equal(features_of(moved), features_of(volume))


def test_a_volume_is_coloured_if_one_of_its_voxels_is():
    volume = volume_of([[0, 0, 0], [1, 0, 0]]).without_colour()
    assert not volume.coloured
    volume.colour[1, 2] = 0.6
    assert volume.coloured
