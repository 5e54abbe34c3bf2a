"""What the sources' own surfaces say about places before a target.

The depth of a photograph, found from itself and those around it, ends where things end; no picture shows where
they end before a target. So the surfaces of the sources are carried over to it, as depths that may be its own, and
are asked about places: a surface is where many of them have it, and not where they see past it,

    log support = mean over the sources of  SUPPORT c - OBJECTION (1 - c) [before its surface],
    c = 1 / (1 + (behind / TOLERANCE)^2)

What lies behind a source's surface, it cannot tell. Nothing here is learnt.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.epipolar import behind
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays, project_pinhole

SUPPORT, OBJECTION = 4.0, 1.0
"""What sources are worth that agree with a place, and that see past it, where all do."""
TOLERANCE = 0.005
"""Share of the depth by which a surface is off that agrees half."""


def log_support(
    apart: Float[Tensor, "sources points"], inside: Bool[Tensor, "sources points"]
) -> Float[Tensor, " points"]:
    """Logarithm of how likely points are to be surface, by the surfaces of the sources.

    Args:
        apart: how far they lie behind those, from `geometry.epipolar.behind`.
        inside: which sources have them in view.
    """
    agreement = 1 / (1 + (apart / TOLERANCE).square())
    said = SUPPORT * agreement - OBJECTION * (1 - agreement) * (apart < 0)
    told = inside & apart.isfinite()
    return torch.where(told, said, 0.0).sum(dim=0) / inside.sum(dim=0).clamp_min(1)


@dataclass(frozen=True)
class SourceSurfaces:
    """Depths of the sources, in cells of theirs."""

    cameras: PinholeViews
    depths: Float[Tensor, "sources rows columns"]
    """Along their optical axes, infinity where unknown."""

    def log_support(self, points: Float[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        """`log_support` of points."""
        seen = project_pinhole(points, self.cameras)
        return log_support(behind(self.depths, seen.places, seen.depths), seen.inside)

    def before(
        self, target: PinholeViews, rows: int, columns: int, extent: tuple[float, float]
    ) -> Float[Tensor, "sources target_rows target_columns"]:
        """Depths before a target, of each source's surface alone; infinity in cells that it leaves empty.

        Args:
            target: one view.
            rows: of its cells.
            columns: of its cells.
            extent: share of the cells' width and height that the target covers.
        """
        count, own_rows, own_columns = self.depths.shape
        places = grid_places(own_rows, own_columns, self.depths.device)
        buffer = torch.full((count, rows * columns), torch.inf, device=self.depths.device)
        for number, depths in enumerate(self.depths.flatten(1)):
            known = depths.isfinite()
            centre, directions = pixel_rays(places[known], self.cameras[[number]])
            seen = project_pinhole(centre + depths[known, None] * directions, target)
            inside = seen.inside[0]
            across = seen.places[0, inside] * places.new_tensor(extent)
            x, y = (across * places.new_tensor([columns, rows])).long().unbind(dim=1)
            cells = y.clamp_max(rows - 1) * columns + x.clamp_max(columns - 1)
            buffer[number].scatter_reduce_(0, cells, seen.depths[0, inside], "amin")
        return buffer.reshape(count, rows, columns)
