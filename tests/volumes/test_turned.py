"""Turned and mirrored volumes are the same scene."""

import pytest
import torch

from condense_ns.volumes.turned import TURNS, turned
from condense_ns.volumes.volume_checks import validated
from tests.voxel_scenes import made_volume, surface_voxels


def apart(places: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(places[:, None] - places, dim=2)


@pytest.mark.parametrize("turn", range(TURNS))
def test_distances_and_what_is_known_stay(turn):
    volume = made_volume(surface_voxels(6) - 3)
    change = turned(volume, turn)
    again = validated(change.volume)
    where = change.numbers
    for name in ("density", "colour"):
        assert torch.equal(getattr(again, name)[where], getattr(volume, name))
    before, after = volume.centres, again.centres[where]
    torch.testing.assert_close(apart(after), apart(before))
    assert torch.equal(after[:, 2], before[:, 2])
    along, afterwards = (one.centres @ one.normal.T for one in (volume, again))
    torch.testing.assert_close(afterwards[where][:, where], along)


def test_the_first_turn_changes_nothing_and_all_differ():
    volume = made_volume(surface_voxels(5))
    found = [turned(volume, turn) for turn in range(TURNS)]
    assert torch.equal(found[0].volume.voxel_indices, volume.voxel_indices)
    assert torch.equal(found[0].numbers, torch.arange(len(volume)))
    assert len({str(one.volume.centres[one.numbers].tolist()) for one in found}) == TURNS


@pytest.mark.parametrize("turn", range(TURNS))
def test_voxels_of_one_larger_voxel_stay_together(turn):
    volume = made_volume(surface_voxels(9))
    change = turned(volume, turn)
    before = volume.voxel_indices >> 2
    after = change.volume.voxel_indices[change.numbers] >> 2
    same_before = (before[:, None] == before).all(dim=2)
    assert torch.equal(same_before, (after[:, None] == after).all(dim=2))
