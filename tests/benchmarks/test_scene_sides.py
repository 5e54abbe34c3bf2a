"""Where a scene is cut in two, and what is left out."""

import torch

from condense_ns.benchmarks.scene_sides import both_ways

ALL = torch.ones(11, dtype=torch.bool)


def row_of_voxels(axis: int) -> torch.Tensor:
    centres = torch.zeros(11, 3)
    centres[:, axis] = torch.arange(11.0)
    return centres


def test_a_row_by_hand():
    centres = row_of_voxels(1)
    centres[:, 2] = 100 * torch.arange(11.0)  # the height does not count
    there, back = both_ways(centres, ALL, gap=0.2)  # 0.2 of the 9 between the outermost twentieths
    assert there.learned.tolist() == [0, 1, 2, 3, 4]
    assert there.asked.tolist() == [6, 7, 8, 9, 10]
    assert (back.learned.tolist(), back.asked.tolist()) == (
        there.asked.tolist(),
        there.learned.tolist(),
    )
    wide, _ = both_ways(centres, ALL, gap=0.5)
    assert (wide.learned.tolist(), wide.asked.tolist()) == ([0, 1, 2], [8, 9, 10])
    tight, _ = both_ways(centres, ALL, gap=0.0)
    assert len(tight.learned) + len(tight.asked) == 11


def test_four_slabs_by_hand():
    there, back = both_ways(row_of_voxels(0), ALL, gap=0.0, slabs=4)  # planes at 2.5, 5 and 7.5
    assert (there.learned.tolist(), there.asked.tolist()) == ([0, 1, 2, 6, 7], [3, 4, 5, 8, 9, 10])
    assert torch.equal(back.learned, there.asked)
    wide, _ = both_ways(row_of_voxels(0), ALL, gap=1.2 / 9, slabs=4)
    assert (wide.learned.tolist(), wide.asked.tolist()) == ([0, 1, 6], [4, 9, 10])
    assert len(both_ways(row_of_voxels(0), ALL, gap=0.5, slabs=4)[0].asked) == 1


def test_voxels_that_do_not_count_are_on_no_side():
    counted = ALL.clone()
    counted[[0, 1, 10]] = False
    there, _ = both_ways(row_of_voxels(0), counted, gap=0.1)
    assert there.learned.tolist() == [2, 3, 4, 5]
    assert there.asked.tolist() == [6, 7, 8, 9]
    nothing, same = both_ways(row_of_voxels(0), ~ALL)
    assert not any(len(side) for way in (nothing, same) for side in (way.learned, way.asked))


def test_every_voxel_is_far_from_the_other_side():
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(500, 3, generator=generator) * torch.tensor([1.0, 3.0, 9.0])
    centres[0, 0] = 1e4  # a single voxel far away does not choose the axis
    counted = torch.rand(500, generator=generator) < 0.8
    there, _ = both_ways(centres, counted, gap=0.2)
    along = centres[:, 1]
    low, high = torch.quantile(along[counted], torch.tensor([0.05, 0.95]))
    assert along[there.asked].min() - along[there.learned].max() > 0.2 * (high - low)
    assert abs(len(there.learned) - len(there.asked)) < 20
    assert bool(counted[there.learned].all())
    assert bool(counted[there.asked].all())
