"""What an operator's answer for a camera is mixed from, and the answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from condense_ns.operators.base import Operator, Shares
from condense_ns.operators.checking import checked_decode


@dataclass(frozen=True)
class Told:
    """What answers are compared by."""

    feature_map: Float[Tensor, "rows columns channels"]
    """What was decoded."""
    picture: Float[Tensor, "3 height width"]
    """To look at, in [0, 1]."""
    labels: Int[Tensor, "height width"] | None


@dataclass(frozen=True)
class Answered(Told):
    """What an operator says of a view."""

    answer: Float[Tensor, "height width answers"]
    """At the view's pixels, or, of operators that enlarge, at those of a larger picture."""

    @property
    def told(self) -> Told:
        """Without the answer, which is large where it is a feature for each pixel."""
        return Told(self.feature_map, self.picture, self.labels)


def answered(
    operator: Operator,
    feature_map: Float[Tensor, "rows columns channels"],
    answer: Float[Tensor, "height width answers"],
) -> Answered:
    """An answer with what the operator makes of it."""
    return Answered(feature_map, operator.picture(answer), operator.labels(answer), answer)


@dataclass(frozen=True)
class LiftedParts:
    """Of one camera and one operator."""

    blended: Float[Tensor, "rows columns channels"]
    """The operator's map, from those of the sources."""
    own: Float[Tensor, "rows columns channels"] | None
    """Its map of the rendered picture; None if that has no say."""
    painted: Float[Tensor, "height width answers"] | None
    """Its answer, from those of the sources; None if these have no say."""
    lit: Float[Tensor, "picture_height picture_width"]
    """One at pixels that some source sees, else zero."""
    picture: Float[Tensor, "3 picture_height picture_width"]
    """The rendered picture."""

    def feature_map(self, share: float) -> Float[Tensor, "rows columns channels"]:
        """The operator's map, of which so much is that of the rendered picture where some source sees it."""
        if self.own is None:
            return self.blended
        return torch.lerp(self.blended, self.own, share * self._lit(self.blended))

    def mixed(self, operator: Operator, shares: Shares) -> Answered:
        """The operator's answer with some shares."""
        return next(self.mixtures(operator, [shares]))

    def mixtures(self, operator: Operator, shares: Iterable[Shares]) -> Iterator[Answered]:
        """The operator's answers with one shares after the other; holds none of them.

        Where paintings are mixed in, maps are decoded once for all that follow each other with the same map.
        """
        for rendered, alike in groupby(shares, attrgetter("rendered")):
            feature_map = self.feature_map(rendered)
            if self.painted is None:
                for _ in alike:
                    yield answered(
                        operator,
                        feature_map,
                        checked_decode(operator, feature_map, self.picture),
                    )
            else:
                plain = checked_decode(operator, feature_map, self.picture)
                for some in alike:
                    yield answered(operator, feature_map, self._painted_over(plain, some.painted))

    def _painted_over(
        self, answer: Float[Tensor, "height width answers"], share: float
    ) -> Float[Tensor, "height width answers"]:
        """An answer, of which so much is that of the sources where some source sees it."""
        assert self.painted is not None
        return torch.lerp(answer, self.painted.to(answer), (share * self._lit(answer)).to(answer))

    def _lit(self, grid: Float[Tensor, "rows columns channels"]) -> Float[Tensor, "rows columns 1"]:
        """Share of each cell of a grid that some source sees."""
        return F.interpolate(self.lit[None, None], grid.shape[:2], mode="area")[0, 0, ..., None]
