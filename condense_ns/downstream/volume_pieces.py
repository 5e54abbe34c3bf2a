"""Answers for the voxels of volumes of any size: large ones go in pieces that overlap.

A piece is a box of cells, which are cubes of voxels, and a margin of cells around it; only the answers within the
box are kept. What a voxel looks at beyond the margin is missing.
"""

from collections.abc import Callable, Iterator

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.volumes.sparse_volume import SparseVolume

MOST_VOXELS = 200_000
"""Of a piece; a backbone of size S takes about a gigabyte for them."""
MARGIN_CELLS = 2
"""Around a piece."""
Answer = Callable[[SparseVolume, Tensor | slice], Float[Tensor, "_ channels"]]


@torch.no_grad()
def in_pieces(
    volume: SparseVolume, answer: Answer, cell: int, most_voxels: int = MOST_VOXELS
) -> Float[Tensor, "voxels channels"]:
    """One row for each voxel, without gradients.

    Args:
        volume: at least one voxel.
        answer: rows for the voxels of a part of the volume; gets that part and the places of its voxels in
            the whole.
        cell: voxels along the edge of a cell.
        most_voxels: volumes of more go in pieces; a piece of a few cells is never cut.
    """
    if len(volume) <= most_voxels:
        return answer(volume, slice(None))
    cells = torch.div(volume.voxel_indices.long(), cell, rounding_mode="floor")
    rows: Tensor | None = None
    for within, around in pieces(cells, most_voxels):
        region = torch.nonzero(around)[:, 0]
        found = answer(volume.chosen(region), region)
        rows = found.new_zeros(len(volume), found.shape[1]) if rows is None else rows
        kept = within[region]
        rows[region[kept]] = found[kept]
    assert rows is not None
    return rows


def pieces(
    cells: Int64[Tensor, "voxels 3"], most_voxels: int
) -> Iterator[tuple[Bool[Tensor, " voxels"], Bool[Tensor, " voxels"]]]:
    """Voxels within each piece, and those with its margin.

    Args:
        cells: in which the voxels lie.
        most_voxels: of a piece with its margin, if it can be cut so small.
    """
    boxes = [(cells.amin(dim=0), cells.amax(dim=0) + 1)]
    while boxes:
        low, high = boxes.pop()
        within = ((cells >= low) & (cells < high)).all(dim=1)
        if not bool(within.any()):
            continue
        around = ((cells >= low - MARGIN_CELLS) & (cells < high + MARGIN_CELLS)).all(dim=1)
        sides = high - low
        axis = int(sides.argmax())
        if int(around.sum()) <= most_voxels or int(sides[axis]) <= MARGIN_CELLS:
            yield within, around
            continue
        middle = (low[axis] + high[axis]) // 2
        lower_end, upper_start = high.clone(), low.clone()
        lower_end[axis] = upper_start[axis] = middle
        boxes += [(low, lower_end), (upper_start, high)]
