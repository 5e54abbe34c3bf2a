"""The plane of every cell, chosen with its neighbours in mind (Hirschmüller, PAMI 2008, section 2.2).

The sum over all cells of what their planes cost, of `SLOPE` per pair of neighbours one plane apart and of `STEP`
per pair further apart, is made small along eight straight paths to each cell, from all sides and corners,

    L(cell, d) = C(cell, d) - m + min(L(before, d), L(before, d - 1) + SLOPE, L(before, d + 1) + SLOPE, m + STEP)

with m = min_k L(before, k). Surfaces stay whole, and end where they end.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

SLOPE, STEP = 0.1, 0.6
"""What neighbours cost that are one plane apart, and further, where a cell's cost is between 0 and 1."""


def semi_global_planes(
    costs: Float[Tensor, "planes rows columns"],
) -> Float[Tensor, "rows columns"]:
    """Fractional number of the plane that is chosen for each cell, between the first and the last.

    Args:
        costs: of the planes; at least three of them.
    """
    by_row = costs.permute(1, 2, 0).contiguous()
    by_column = costs.permute(2, 1, 0).contiguous()
    total = _both_ways(by_column).transpose(0, 1)
    for sideways in (0, 1, -1):
        total = total + _both_ways(by_row, sideways)
    last = total.shape[2] - 1
    best = total.argmin(dim=2, keepdim=True).clamp(1, last - 1)
    around = best + torch.tensor([-1, 0, 1], device=best.device)
    before, here, after = total.gather(2, around).unbind(dim=2)
    bend = (before - 2 * here + after).clamp_min(1e-6)
    return best[..., 0] + (0.5 * (before - after) / bend).clamp(-1, 1)


def _both_ways(costs: Float[Tensor, "steps lines planes"], sideways: int = 0) -> Tensor:
    """Sum of the costs of the paths to each step from either end, which move sideways by so many lines a step."""
    return _along(costs, sideways) + _along(costs.flip(0), sideways).flip(0)


def _along(costs: Float[Tensor, "steps lines planes"], sideways: int) -> Tensor:
    paths = torch.empty_like(costs)
    paths[0] = costs[0]
    for step in range(1, len(costs)):
        before = _moved(paths[step - 1], sideways)
        least = before.amin(dim=1, keepdim=True)
        beside = F.pad(before, (1, 1), value=torch.inf)
        sloped = torch.minimum(beside[:, :-2], beside[:, 2:]) + SLOPE
        cheapest = torch.minimum(torch.minimum(before, sloped), least + STEP)
        paths[step] = costs[step] + cheapest - least
    return paths


def _moved(paths: Float[Tensor, "lines planes"], by: int) -> Tensor:
    """Paths that come from so many lines before; those from outside begin here, at no cost."""
    if by == 0:
        return paths
    moved = paths.roll(by, dims=0)
    moved[0 if by > 0 else -1] = 0
    return moved
