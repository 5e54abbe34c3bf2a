"""Which plane each finer cell of a target is near, chosen for all cells together.

The proposal's cells are coarse, and each decides for itself: edges are ragged, thin things are lost. Here the
cells of 2 pixels choose, by what the sources' pictures themselves say, by what the proposal says of the cell
and of those beside it, and by what their neighbours choose. Nothing is learnt, and no gradient passes.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews, grid_places
from condense_ns.lifting.depth_proposal import DepthProposal
from condense_ns.lifting.picture_disagreement import contrast_normalised, picture_disagreement
from condense_ns.lifting.semi_global_matching import semi_global_planes
from condense_ns.lifting.source_features import SourceMaps

FINER = 2
"""Cells for each of the proposal's, along rows and columns."""
BELIEF = 0.1
"""What the logarithm of the proposal's probability is worth beside the pictures' disagreement."""
LEAST_LIKELY = -8.0
"""Logarithm of the probability below which planes are alike."""


@torch.no_grad()
def chosen_planes(
    target: PinholeViews, sources: PinholeViews, maps: SourceMaps, proposal: DepthProposal
) -> Float[Tensor, "rows columns"]:
    """Fractional number of a plane for each finer cell.

    Args:
        target: one view.
        sources: the views.
        maps: of the sources.
        proposal: of the target.
    """
    likely = proposal.log_probabilities
    rows, columns = (FINER * cells for cells in likely.shape[1:])
    places = grid_places(rows, columns, likely.device) / likely.new_tensor(proposal.extent)
    planes = torch.arange(len(likely), device=likely.device).float()[:, None, None]
    disagreement = picture_disagreement(
        target,
        sources,
        contrast_normalised(maps.images),
        maps.extent,
        proposal.planes.depth(planes),
        places.reshape(rows, columns, 2),
    )
    beside = F.max_pool2d(likely[None], 3, stride=1, padding=1)[0].clamp_min(LEAST_LIKELY)
    return semi_global_planes(disagreement - BELIEF * finer(beside))


def finer(values: Float[Tensor, "*lead rows columns"]) -> Tensor:
    """Each cell's value for all finer cells in it."""
    return values.repeat_interleave(FINER, dim=-1).repeat_interleave(FINER, dim=-2)
