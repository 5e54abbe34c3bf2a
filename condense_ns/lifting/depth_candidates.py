"""Where the surface may be on any ray of a target: at depths of the cells around it, and of some further away.

`depth_choice` compares pictures in squares, so that near things come out wider than they are, and what lies beside
them lacks its own depth. So a cell may also have the mean depth of one a little to the left or right, above or
below; how likely that is, its pictures say. A ray has the candidates of the four cells around it: at a silhouette
those of both surfaces. Nothing here is learnt.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import map_cells
from condense_ns.geometry.pinhole import PinholeViews, grid_places
from condense_ns.lifting.depth_proposal import DepthPlanes
from condense_ns.lifting.depth_refinement import STEP, RefinedDepth
from condense_ns.lifting.picture_disagreement import halved, picture_disagreement
from condense_ns.lifting.source_agreement import log_agreement
from condense_ns.lifting.source_features import SourceMaps

AWAY = 3
"""Cells from a cell to those that lend it their depths."""
LENT = 0.1
"""Probability of each of the four depths that are lent, before pictures are asked."""


@dataclass(frozen=True)
class DepthCandidates:
    """Distributions over depths of each cell's own and of others."""

    planes: DepthPlanes
    """What fractional plane numbers mean."""
    index: Float[Tensor, "candidates rows columns"]
    """Fractional planes, in no order."""
    probabilities: Float[Tensor, "candidates rows columns"]
    """Of each cell, normalised."""
    extent: tuple[float, float]
    """Share of the cells' width and height that the target covers."""

    def at(
        self, places: Float[Tensor, "rays 2"]
    ) -> tuple[Float[Tensor, "rays of_four_cells"], Float[Tensor, "rays of_four_cells"]]:
        """Candidates on rays through places of the target, from 0 to 1 across it.

        Returns:
            Their probabilities, which count by the bilinear weights of their cells and sum to one, and their
            planes, the nearest first.
        """
        rows, columns = self.index.shape[1:]
        across = places.clamp(0, 1) * places.new_tensor(self.extent)
        cells, shares = (found[0] for found in map_cells(across[None], rows, columns))
        likely = self.probabilities.flatten(1)[:, cells] * shares
        index = self.index.flatten(1)[:, cells]
        ordered, order = index.transpose(0, 1).flatten(1).sort(dim=1)
        return likely.transpose(0, 1).flatten(1).gather(1, order), ordered

    def depth(
        self,
        index: Float[Tensor, "rays of_four_cells"],
        number: Float[Tensor, "rays samples"],
    ) -> Float[Tensor, "rays samples"]:
        """Depths by their fractional number among a ray's candidates, never beyond the planes."""
        nearest = (number + 0.5).long().clamp(0, index.shape[1] - 1)
        found = index.gather(1, nearest) + STEP * (number - nearest)
        return self.planes.depth(found.clamp(0, self.planes.count - 1))


def depth_candidates(
    target: PinholeViews, sources: PinholeViews, maps: SourceMaps, refined: RefinedDepth
) -> DepthCandidates:
    """The candidates of one target; gradients reach the refined depth's probabilities alone.

    Args:
        target: one view.
        sources: the views.
        maps: of the sources.
        refined: of the target.
    """
    with torch.no_grad():
        mean = refined.mean
        lent = _lent(mean)
        rows, columns = refined.first.shape
        cells = grid_places(rows, columns, lent.device) / lent.new_tensor(refined.extent)
        depths = refined.planes.depth(torch.cat([mean[None], lent]))
        pictures = halved(maps.images)
        apart = picture_disagreement(
            target, sources, pictures, maps.extent, depths, cells.reshape(rows, columns, 2)
        )
        before = torch.full_like(apart, LENT)
        before[0] = 1 - LENT * len(lent)
        own, others = (before.log() + log_agreement(apart)).softmax(dim=0).split([1, len(lent)])
    likely = torch.cat([refined.log_probabilities.exp() * own, others])
    return DepthCandidates(refined.planes, torch.cat([refined.index, lent]), likely, refined.extent)


def _lent(values: Float[Tensor, "rows columns"]) -> Float[Tensor, "4 rows columns"]:
    """Values of the cells above, below, to the left and to the right; at a border those of the border."""
    rows, columns = values.shape
    around = F.pad(values[None, None], (AWAY,) * 4, mode="replicate")[0, 0]
    upright, level = slice(AWAY, AWAY + rows), slice(AWAY, AWAY + columns)
    return torch.stack(
        [
            around[:rows, level],
            around[2 * AWAY :, level],
            around[upright, :columns],
            around[upright, 2 * AWAY :],
        ]
    )
