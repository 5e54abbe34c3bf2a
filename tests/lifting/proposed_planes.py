"""Planes before the slanted plane's target, and proposals of them."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.lifting.depth_proposal import DepthPlanes, DepthProposal
from tests.lifting.looking_views import RANGE, TARGET, plane_depths

PLANES = DepthPlanes(*RANGE, 24)


def true_index(rows: int = 24, columns: int = 32) -> Float[Tensor, "rows columns"]:
    """Fractional plane of the surface in each cell."""
    return PLANES.index(plane_depths(TARGET.resized(rows, columns)))


def proposed(index: Float[Tensor, "rows columns"], spread: float = 1.0) -> DepthProposal:
    """A proposal with a peak at each cell's fractional plane."""
    planes = torch.arange(24.0)[:, None, None]
    logits = -((planes - index) ** 2) / (2 * spread**2)
    return DepthProposal(PLANES, logits.log_softmax(dim=0), (1.0, 1.0))
