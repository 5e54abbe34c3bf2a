"""Descriptors that find each other: mutual nearest neighbours under cosine, with a ratio test.

The ratio test compares distances of unit vectors, sqrt(2 - 2 cos): D. Lowe, Distinctive image
features from scale-invariant keypoints, 2004, section 7.1. A point of b may have several descriptors;
then the second nearest is that of another point.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from condense_ns.errors import UserError

CHUNK = 256  # rows of a at a time: 100 MB of cosines with 100,000 rows of b
_ROUNDING = 1e-3  # distances below it are those of equal vectors in single precision


@dataclass(frozen=True)
class Matches:
    """Pairs of a and b, in the order of a; each a and each point of b is in at most one."""

    pairs: Int64[Tensor, "matches 2"]
    """Row of a, and row of b or the number of its group."""
    scores: Float[Tensor, " matches"]
    """Cosines, in [-1, 1]."""

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.pairs)


def mutual_nearest(
    descriptors_a: Float[Tensor, "a channels"],
    descriptors_b: Float[Tensor, "b channels"],
    ratio: float | None = 0.9,
    chunk: int = CHUNK,
    groups_b: Int64[Tensor, " b"] | None = None,
) -> Matches:
    """Pairs that are each other's nearest; of equal cosines the first counts.

    Args:
        descriptors_a: unit vectors.
        descriptors_b: unit vectors.
        ratio: a pair stays if its distance is below `ratio` times that of the second nearest point of
            b, in (0, 1]; None keeps all. Where b has one point only, there is nothing to compare with.
        chunk: rows of a that are compared at a time, at least 1.
        groups_b: number of the point that a row of b describes; None: each row its own.

    Raises:
        UserError: `ratio` lies outside (0, 1].
    """
    if ratio is not None and not 0.0 < ratio <= 1.0:
        raise UserError(f"the ratio of the matching is {ratio}, it must lie in (0, 1] or be None")
    rows = torch.arange(len(descriptors_b), device=descriptors_b.device)
    labels, points = torch.unique(rows if groups_b is None else groups_b, return_inverse=True)
    if len(descriptors_a) == 0 or len(labels) == 0:
        return Matches(rows.new_zeros(0, 2), descriptors_a.new_zeros(0))
    forward, backward = _Forward(), _Backward(descriptors_b)
    for number, part in enumerate(descriptors_a.split(chunk)):
        cosines = part @ descriptors_b.T
        backward.add(cosines, number * chunk)
        forward.add(cosines, points)
    point, best, second = forward.joined()
    numbers = torch.arange(len(point), device=point.device)
    kept = backward.nearest(points, len(labels))[point] == numbers
    if ratio is not None:
        kept &= _distance(best) < ratio * _distance(second)
    pairs = torch.stack([numbers[kept], labels[point[kept]]], dim=1)
    return Matches(pairs, best[kept].clamp(-1.0, 1.0))


class _Forward:
    """For each a its nearest point of b, that cosine and the highest one of another point."""

    def __init__(self) -> None:
        self._parts: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, cosines: Float[Tensor, "rows b"], points: Int64[Tensor, " b"]) -> None:
        """The next rows of a; overwrites `cosines`."""
        nearest = cosines.argmax(dim=1)  # unlike max, it promises the first of equal ones
        best = cosines.gather(1, nearest[:, None])[:, 0]
        found = points[nearest]
        second = cosines.masked_fill_(points == found[:, None], -torch.inf).amax(dim=1)
        self._parts.append((found, best, second))

    def joined(self) -> tuple[Int64[Tensor, " a"], Float[Tensor, " a"], Float[Tensor, " a"]]:
        """Point, its cosine, second cosine; -inf where there is no other point."""
        found, best, second = zip(*self._parts, strict=True)
        return torch.cat(found), torch.cat(best), torch.cat(second)


class _Backward:
    """For each row of b its nearest a so far."""

    def __init__(self, descriptors_b: Float[Tensor, "b channels"]) -> None:
        self._best = torch.full_like(descriptors_b[:, 0], -torch.inf)
        self._nearest = torch.zeros_like(self._best, dtype=torch.long)

    def add(self, cosines: Float[Tensor, "rows b"], first: int) -> None:
        """Rows of a from number `first` on."""
        best, nearest = cosines.amax(dim=0), cosines.argmax(dim=0) + first
        closer: Bool[Tensor, " b"] = best > self._best
        self._best = torch.where(closer, best, self._best)
        self._nearest = torch.where(closer, nearest, self._nearest)

    def nearest(self, points: Int64[Tensor, " b"], count: int) -> Int64[Tensor, " points"]:
        """Nearest a of each of `count` points, over all their rows."""
        best = self._best.new_full((count,), -torch.inf).scatter_reduce(
            0, points, self._best, "amax"
        )
        beaten = self._best < best[points]
        last = torch.iinfo(torch.long).max
        candidates = self._nearest.masked_fill(beaten, last)
        return candidates.new_full((count,), last).scatter_reduce(0, points, candidates, "amin")


def _distance(cosines: Float[Tensor, " a"]) -> Float[Tensor, " a"]:
    """Of unit vectors; infinite where the cosine is -inf."""
    return (2.0 - 2.0 * cosines).clamp(min=0.0).sqrt().clamp(min=_ROUNDING)
