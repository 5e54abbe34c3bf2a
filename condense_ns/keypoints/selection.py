"""Which points make the set: no two too near, and every photograph finds its share.

A set that is to be found again from anywhere needs enough points in each part of each view, which the
k best points of the scene do not give: they crowd where the scene is richest. So points are taken one by
one, each time the one that adds most to what the training views see (greedy maximisation of a
submodular function: at least 1 - 1/e of the best possible, Nemhauser, Wolsey and Fisher 1978).
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from scipy.spatial import KDTree
from torch import Tensor

CELLS = (3, 4)
"""Rows and columns that a view is cut into."""


def suppress(
    xyz: Float64[Tensor, "points 3"], scores: Float[Tensor, " points"], radius: float
) -> Bool[Tensor, " points"]:
    """Greedy non-maximum suppression in 3D: which points have no better kept point within `radius`.

    Found in rounds, each of which keeps every point that is the best of what is left around it: the
    same set as going through the points one by one, best first. Of equally good points the one with
    the smallest coordinates is the better one.

    Args:
        xyz: positions.
        scores: the higher the better.
        radius: in the units of the positions, at least 0.
    """
    places = xyz.cpu().numpy()
    order = np.lexsort((*places.T[::-1], -scores.cpu().numpy()))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    kept = np.zeros(len(places), dtype=bool)
    if len(places) == 0 or radius <= 0.0:
        return torch.from_numpy(~kept)
    pairs = KDTree(places).query_pairs(radius, output_type="ndarray")
    left = np.ones(len(places), dtype=bool)
    while left.any():
        beaten = np.zeros(len(places), dtype=bool)
        worse = np.where(rank[pairs[:, 0]] > rank[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
        beaten[worse] = True
        winners = left & ~beaten
        kept |= winners
        left &= ~winners
        near = winners[pairs].any(axis=1)
        left[pairs[near].ravel()] = False
        pairs = pairs[left[pairs].all(axis=1)]
    return torch.from_numpy(kept)


def view_cells(
    views: Int64[Tensor, " observations"], places: Float[Tensor, "observations 2"]
) -> Int64[Tensor, " observations"]:
    """The part of a view that an observation lies in, as one number.

    Args:
        views: numbers of views.
        places: (x, y) from 0 to 1 across the view.
    """
    rows, columns = CELLS
    column = (places[:, 0] * columns).long().clamp(0, columns - 1)
    row = (places[:, 1] * rows).long().clamp(0, rows - 1)
    return (views * rows + row) * columns + column


def covering(
    points: Int64[Tensor, " observations"],
    cells: Int64[Tensor, " observations"],
    weights: Float[Tensor, " observations"],
    quality: Float[Tensor, " points"],
    count: int,
) -> Int64[Tensor, " chosen"]:
    """Points in the order in which they are taken.

    With c the sum of the weights of what has been taken in a cell, the next observation of weight w
    there is worth w / (1 + c): the tenth point of a corner counts less than the first.

    Args:
        points: of each observation.
        cells: the part of a view that it lies in (`view_cells`).
        weights: how much an observation counts, at least 0.
        quality: factor of what a point adds, at least 0.
        count: points to take; all are taken if there are fewer.
    """
    number = len(quality)
    seen, cell, weight = (values.cpu().double().numpy() for values in (points, cells, weights))
    seen, cell = seen.astype(np.int64), cell.astype(np.int64)
    worth = quality.cpu().double().numpy()
    of_point = _Rows(seen, number)
    of_cell = _Rows(cell, int(cell.max()) + 1 if len(cell) else 0)
    taken = np.zeros(len(of_cell.starts) - 1)
    gains = np.zeros(number)
    np.add.at(gains, seen, weight)
    chosen = []
    for _ in range(min(count, number)):
        best = int(np.argmax(worth * gains))
        chosen.append(best)
        for observation in of_point[best]:
            here = int(cell[observation])
            before, taken[here] = taken[here], taken[here] + weight[observation]
            others = of_cell[here]
            fall = weight[others] * (1.0 / (1.0 + before) - 1.0 / (1.0 + taken[here]))
            np.subtract.at(gains, seen[others], fall)
        worth[best], gains[best] = 1.0, -np.inf
    return torch.tensor(chosen, dtype=torch.long)


class _Rows:
    """Numbers of the entries that belong to each of `count` groups."""

    def __init__(self, groups: np.ndarray, count: int) -> None:
        self.order = np.argsort(groups, kind="stable")
        self.starts = np.searchsorted(groups[self.order], np.arange(count + 1))

    def __getitem__(self, group: int) -> np.ndarray:
        return self.order[self.starts[group] : self.starts[group + 1]]
