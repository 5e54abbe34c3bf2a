"""Where the surface may be on any ray of a target: at depths of the cells around it, and at some from elsewhere.

`depth_choice` compares pictures in squares, so that near things come out wider than they are, and what lies beside
them lacks its own depth. So a cell may also have the depths that surfaces of the sources have there or, while those
are not known, the mean depth of a cell a little to the left or right, above or below; how likely that is, pictures
and surfaces say. A ray has the candidates of the four cells around it: at a silhouette those of both surfaces.
Nothing here is learnt.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.geometry.interpolation import map_cells
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.lifting.depth_proposal import DepthPlanes
from condense_ns.lifting.depth_refinement import STEP, RefinedDepth
from condense_ns.lifting.picture_disagreement import halved, picture_disagreement
from condense_ns.lifting.source_agreement import log_agreement
from condense_ns.lifting.source_features import SourceMaps
from condense_ns.lifting.source_surfaces import SourceSurfaces

AWAY = 3
"""Cells from a cell to those that lend it their depths."""
LENT = 0.1
"""Probability of each of the four depths that are lent, before pictures are asked."""
CARRIED = 0.8
"""Of all depths together that surfaces of the sources have in a cell, before pictures and surfaces are asked."""
UNLIKELY = 1e-9


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
    target: PinholeViews,
    sources: PinholeViews,
    maps: SourceMaps,
    refined: RefinedDepth,
    surfaces: SourceSurfaces | None = None,
) -> DepthCandidates:
    """The candidates of one target; gradients reach the refined depth's probabilities alone.

    Args:
        target: one view.
        sources: the views.
        maps: of the sources.
        refined: of the target.
        surfaces: of all sources, if they are known.
    """
    with torch.no_grad():
        mean = refined.mean
        if surfaces is None:
            others = _lent(mean)
            before = torch.full_like(others, LENT)
        else:
            others, before = _carried(target, refined, surfaces)
        rows, columns = mean.shape
        cells = grid_places(rows, columns, mean.device) / mean.new_tensor(refined.extent)
        depths = refined.planes.depth(torch.cat([mean[None], others]))
        pictures = halved(maps.images)
        apart = picture_disagreement(
            target, sources, pictures, maps.extent, depths, cells.reshape(rows, columns, 2)
        )
        logits = torch.cat([1 - before.sum(dim=0, keepdim=True), before]).clamp_min(UNLIKELY).log()
        logits += log_agreement(apart)
        if surfaces is not None:
            centre, directions = pixel_rays(cells, target)
            points = centre + depths.flatten(1)[..., None] * directions
            logits += surfaces.log_support(points.flatten(0, 1)).reshape(logits.shape)
        own, elsewhere = logits.softmax(dim=0).split([1, len(others)])
    likely = torch.cat([refined.log_probabilities.exp() * own, elsewhere])
    index = torch.cat([refined.index, others])
    return DepthCandidates(refined.planes, index, likely, refined.extent)


def _carried(
    target: PinholeViews, refined: RefinedDepth, surfaces: SourceSurfaces
) -> tuple[Float[Tensor, "sources rows columns"], Float[Tensor, "sources rows columns"]]:
    """Planes of the sources' surfaces in the target's cells, and how likely they are before anything is asked."""
    rows, columns = refined.first.shape
    depths = surfaces.before(target, rows, columns, refined.extent)
    found = depths.isfinite()
    index = refined.planes.index(depths).clamp(0, refined.planes.count - 1)
    shares = CARRIED * found / found.sum(dim=0).clamp_min(1)
    return torch.where(found, index, refined.mean), shares


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
