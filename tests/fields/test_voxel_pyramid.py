"""Which voxels touch and which are merged, against a search through all pairs."""

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.fields.voxel_pyramid import STEPS, joined_pyramids, voxel_pyramid
from condense_ns.volumes.voxel_keys import REACH
from tests.voxel_scenes import surface_voxels


def test_a_small_pyramid_by_hand():
    voxels = torch.tensor([[-1, 0, 0], [0, 0, 0], [0, 0, 1], [2, 5, 1]])
    fine, coarse = voxel_pyramid([voxels], 2).levels
    assert (fine.count, coarse.count) == (4, 3)
    touching = {
        STEPS[number]: list(zip(voxel.tolist(), before.tolist(), strict=True))
        for number, (voxel, before) in enumerate(fine.touching)
        if len(voxel)
    }
    assert touching == {(-1, 0, 0): [(1, 0)], (-1, 0, -1): [(2, 0)], (0, 0, -1): [(2, 1)]}
    # Coarse voxels (-1, 0, 0), (0, 0, 0), (1, 2, 0); the octant is 4 x + 2 y + z.
    assert fine.slots is not None
    assert fine.slots.tolist() == [0 + 4, 8 + 0, 8 + 1, 16 + 2 + 1]
    assert coarse.slots is None


def test_all_pairs_are_found_at_every_level():
    voxels = surface_voxels(9).long() - 4
    for level, found in enumerate(voxel_pyramid([voxels], 3).levels):
        indices = torch.unique(voxels >> level, dim=0)
        assert found.count == len(indices)
        offsets = indices[None] - indices[:, None]
        for step, (voxel, before) in zip(STEPS, found.touching, strict=False):
            expected = torch.nonzero((offsets == torch.tensor(step)).all(dim=-1))
            assert torch.equal(torch.stack([voxel, before], dim=1).long(), expected)
    assert len(found.touching) == 13


def test_scenes_of_a_batch_do_not_touch_and_merge_as_alone():
    scenes = [surface_voxels(6) - 3, torch.empty(0, 3).int(), surface_voxels(5, seed=1) + 7]
    together = voxel_pyramid(scenes, 3)
    assert together.scene_sizes == tuple(len(scene) for scene in scenes)
    alone = [voxel_pyramid([scene], 3) for scene in scenes]
    for number, level in enumerate(together.levels):
        own = [pyramid.levels[number] for pyramid in alone]
        assert level.count == sum(one.count for one in own)
        first = own[0].count + own[1].count
        for step, (voxel, before) in enumerate(level.touching):
            expected = [own[0].touching[step][0], own[2].touching[step][0] + first]
            assert torch.equal(voxel, torch.cat(expected))
            assert ((voxel < first) == (before < first)).all()


def test_far_voxels_are_told_apart():
    ends = torch.tensor([[-REACH] * 3, [REACH] * 3])
    coarsest = voxel_pyramid([ends], 5).levels[-1]
    assert coarsest.count == 2
    assert sum(len(voxel) for voxel, _ in coarsest.touching) == 0


def test_voxels_that_are_not_sorted_or_there_twice_are_refused():
    for voxels in ([[1, 0, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]):
        with pytest.raises(UserError, match="not sorted, or one is there twice"):
            voxel_pyramid([torch.tensor(voxels)], 2)


def test_voxels_out_of_reach_are_refused():
    far = torch.tensor([[0, 0, REACH + 1]])
    with pytest.raises(UserError, match="scene 1 has voxel indices beyond"):
        voxel_pyramid([far - 1, far], 2)


def test_a_batch_that_is_too_wide_is_refused():
    wide = torch.tensor([[-REACH, 0, 0], [REACH, 0, 0]])
    with pytest.raises(UserError, match="2 scenes are too wide for one batch"):
        voxel_pyramid([wide, wide], 2)


def test_joined_pyramids_are_the_pyramid_of_all_scenes():
    scenes = [surface_voxels(6) - 3, surface_voxels(4), surface_voxels(5, seed=1) + 7]
    together = voxel_pyramid(scenes, 4)
    joined = joined_pyramids([voxel_pyramid([scene], 4) for scene in scenes])
    assert joined.scene_sizes == together.scene_sizes
    for ours, theirs in zip(joined.levels, together.levels, strict=True):
        assert ours.count == theirs.count
        for mine, other in zip(ours.touching, theirs.touching, strict=True):
            assert torch.equal(mine[0], other[0])
            assert torch.equal(mine[1], other[1])
        assert (ours.slots is None) == (theirs.slots is None)
        assert ours.slots is None or torch.equal(ours.slots, theirs.slots)  # type: ignore[arg-type]
    assert joined.nbytes == together.nbytes
