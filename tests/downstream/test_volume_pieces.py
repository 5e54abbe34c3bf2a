"""Volumes in pieces: every voxel once, with what is around it."""

import pytest
import torch

from condense_ns.downstream.volume_pieces import MARGIN_CELLS, in_pieces, pieces
from tests.voxel_scenes import made_volume

CELL = 4


@pytest.fixture(scope="module")
def corridor():
    """400 x 12 x 8 voxels, occupied at random."""
    grid = torch.rand(400, 12, 8, generator=torch.Generator().manual_seed(0)) < 0.1
    return made_volume(torch.nonzero(grid).int())


@pytest.mark.parametrize("most", [1, 50, 500, 10**6])
def test_every_voxel_is_in_one_piece(corridor, most):
    cells = corridor.voxel_indices.long() // CELL
    count = torch.zeros(len(cells), dtype=torch.long)
    for within, around in pieces(cells, most):
        count += within
        assert (around | ~within).all()
    assert (count == 1).all()


def test_pieces_are_small_and_reach_beyond_themselves(corridor):
    indices, sizes = corridor.voxel_indices.long(), []
    for within, around in pieces(indices // CELL, 500):
        sizes.append(int(around.sum()))
        low = indices[within].amin(dim=0) - MARGIN_CELLS * CELL
        high = indices[within].amax(dim=0) + MARGIN_CELLS * CELL
        assert bool(around[((indices >= low) & (indices <= high)).all(dim=1)].all())
    assert max(sizes) <= 500
    assert len(sizes) > len(indices) // 500


@pytest.mark.parametrize("most", [300, 10**6])
def test_answers_come_back_to_their_voxels(corridor, most):
    seen = []

    def answer(piece, places):
        seen.append(len(piece))
        assert torch.equal(corridor.voxel_indices[places], piece.voxel_indices)
        return piece.voxel_indices.float()

    found = in_pieces(corridor, answer, CELL, most)
    assert torch.equal(found, corridor.voxel_indices.float())
    assert max(seen) <= max(300, len(corridor) * (most > 300))
