"""The proposal again, finer: cells of 2 pixels, half planes, around the chosen plane alone.

A plane sweep as in `depth_proposal`, with the finer guiding features, over a few depths of each cell's
own, around the plane that `depth_choice` chose. The coarse distribution is its prior.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.lifting.depth_choice import LEAST_LIKELY, chosen_planes, finer
from condense_ns.lifting.depth_proposal import DepthPlanes, DepthProposal
from condense_ns.lifting.source_agreement import SourceAgreement
from condense_ns.lifting.source_features import GUIDING, SourceMaps
from condense_ns.lifting.volume_convolution import convolution

COUNT = 8
"""Depths of a cell."""
STEP = 0.5
"""Planes from one to the next."""


@dataclass(frozen=True)
class RefinedDepth:
    """Distributions over depths of each cell's own."""

    planes: DepthPlanes
    """What fractional plane numbers mean."""
    first: Float[Tensor, "rows columns"]
    """Plane of the first depth; the others follow by `STEP`."""
    log_probabilities: Float[Tensor, "depths rows columns"]
    """Of each cell, normalised."""
    extent: tuple[float, float]
    """Share of the cells' width and height that the target covers."""

    @property
    def index(self) -> Float[Tensor, "depths rows columns"]:
        """Fractional planes of the depths."""
        offsets = STEP * torch.arange(len(self.log_probabilities), device=self.first.device)
        return self.first + offsets[:, None, None]

    @property
    def mean(self) -> Float[Tensor, "rows columns"]:
        """Each cell's mean plane, never beyond the planes."""
        expected = (self.log_probabilities.exp() * self.index).sum(dim=0)
        return expected.clamp(0, self.planes.count - 1)


class DepthRefiner(nn.Module):
    """A proposal -> `RefinedDepth`."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.agreement = SourceAgreement(GUIDING, width, trust=0.0)
        self.between = nn.Sequential(convolution(width + 1, width), convolution(width, width))
        self.leave = nn.Conv3d(width, 1, 1)

    def forward(
        self,
        target: PinholeViews,
        sources: PinholeViews,
        maps: SourceMaps,
        proposal: DepthProposal,
    ) -> RefinedDepth:
        """The refined depth of one target."""
        planes, extent = proposal.planes, proposal.extent
        middle = chosen_planes(target, sources, maps, proposal)
        offsets = STEP * (torch.arange(COUNT, device=middle.device) - (COUNT - 1) / 2)
        index = middle + offsets[:, None, None]
        rows, columns = middle.shape
        cells = grid_places(rows, columns, middle.device) / middle.new_tensor(extent)
        centre, directions = pixel_rays(cells, target)
        depths = planes.depth(index.clamp(0, planes.count - 1)).flatten(1)
        points = (centre + depths[..., None] * directions).flatten(0, 1)
        entered, guess = self.agreement(points, target, sources, maps.guiding, maps.extent)
        prior = _between_planes(proposal.log_probabilities, index)
        inputs = torch.cat([entered.T.reshape(-1, *index.shape), prior[None]])[None]
        logits = self.leave(self.between(inputs))[0, 0] + guess.reshape(index.shape) + prior
        return RefinedDepth(planes, index[0], F.log_softmax(logits, dim=0), extent)


def _between_planes(
    log_probabilities: Float[Tensor, "planes coarse_rows coarse_columns"],
    index: Float[Tensor, "depths rows columns"],
) -> Float[Tensor, "depths rows columns"]:
    """Logarithms of the coarse probabilities at fractional planes of finer cells, none below `LEAST_LIKELY`."""
    last = len(log_probabilities) - 1
    within = index.clamp(0, last)
    before = within.floor().long().clamp_max(last - 1)
    share = within - before
    likely = finer(log_probabilities.clamp_min(LEAST_LIKELY))
    return torch.lerp(likely.gather(0, before), likely.gather(0, before + 1), share)
