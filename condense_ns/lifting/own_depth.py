"""Depth of a photograph, found from itself and those around it."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import grid_places
from condense_ns.geometry.source_views import SourceViews
from condense_ns.geometry.valid_pixels import telling_cells
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.source_alignment import reconciled
from condense_ns.lifting.view_rendering import CHUNK

CELL = 2
"""Pixels along the side of a cell."""


@torch.no_grad()
def own_depth(
    network: LiftingNetwork, photographs: SourceViews, depth_range: tuple[float, float]
) -> Float[Tensor, "rows columns"]:
    """Depth along the optical axis in cells of the first photograph.

    Infinity where no other photograph sees anything, and where the photograph's pixels do not count.

    Args:
        network: that makes looks; the first photograph is target and source at once.
        photographs: the one that is asked about, then others, the most useful first. Surfaces of the others, if
            they are known, help to find that of the first, whose own are best left unknown.
        depth_range: nearest and farthest depth before the first.
    """
    target = photographs.cameras[[0]]
    look = reconciled(network, network.look(target, photographs, depth_range))
    rows, columns = -(-target.height // CELL), -(-target.width // CELL)
    found = []
    for places in grid_places(rows, columns, look.nearest.device).split(CHUNK):
        samples = network.sample(look.leading, places)
        others = samples.seen.inside[1:].any(dim=0).reshape(samples.depths.shape).any(dim=1)
        found.append(torch.where(others, samples.surface_depth, torch.inf))
    depths = torch.cat(found).reshape(rows, columns)
    if target.valid is not None:
        depths = depths.where(telling_cells(target.valid, rows, columns)[0], torch.inf)
    return depths
