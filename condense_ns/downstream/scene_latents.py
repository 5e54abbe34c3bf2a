"""Latents of volumes of any size: large ones go through the backbone in pieces that overlap.

A piece is a box of voxels and a margin around it; only latents within the box are kept. Cuts lie between
voxels of the coarsest level, so that the same voxels are merged as in the whole. What a voxel sees
beyond the margin is missing, so latents near a cut differ a little from those of the whole.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.volumes.sparse_volume import SparseVolume

MOST_VOXELS = 200_000
"""Of a piece; a backbone of size S takes about a gigabyte for them."""
MARGIN_CELLS = 2
"""Coarsest voxels around a piece."""


@torch.no_grad()
def scene_latents(
    backbone: OctreeBackbone, volume: SparseVolume, most_voxels: int = MOST_VOXELS
) -> Float[Tensor, "voxels latent"]:
    """Latents of all voxels, without gradients.

    Args:
        backbone: on the volume's device.
        volume: any.
        most_voxels: those of more go in pieces; pieces of a few coarsest voxels are never cut.
    """
    if len(volume) <= most_voxels:
        return backbone([volume])[0]
    coarsest = 2 ** (backbone.num_levels - 1)
    cells = torch.div(volume.voxel_indices.long(), coarsest, rounding_mode="floor")
    latents = torch.zeros(len(volume), backbone.latent_dim, device=volume.density.device)
    for within, around in _pieces(cells, most_voxels):
        region = torch.nonzero(around)[:, 0]
        found = backbone([volume.chosen(region)])[0]
        kept = within[region]
        latents[region[kept]] = found[kept]
    return latents


def _pieces(
    cells: Int64[Tensor, "voxels 3"], most_voxels: int
) -> Iterator[tuple[Bool[Tensor, " voxels"], Bool[Tensor, " voxels"]]]:
    """Voxels within each piece, and those with its margin."""
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
