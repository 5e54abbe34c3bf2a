"""What an operator's answer for a camera is mixed from, and the answer."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from condense_ns.operators.base import Operator, Shares
from condense_ns.operators.checking import checked_decode


@dataclass(frozen=True)
class Answered:
    """What an operator says of a view."""

    feature_map: Float[Tensor, "rows columns channels"]
    """What was decoded."""
    answer: Float[Tensor, "height width answers"]
    """At the view's pixels, or, of operators that enlarge, at those of a larger picture."""
    picture: Float[Tensor, "3 height width"]
    """To look at, in [0, 1]."""
    labels: Int[Tensor, "height width"] | None


def answered(
    operator: Operator,
    feature_map: Float[Tensor, "rows columns channels"],
    answer: Float[Tensor, "height width answers"],
) -> Answered:
    """An answer with what the operator makes of it."""
    return Answered(feature_map, answer, operator.picture(answer), operator.labels(answer))


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
        """The operator's answers with one shares after the other; maps are decoded where they change."""
        rendered, feature_map, decoded = None, self.blended, None
        for some in shares:
            if decoded is None or some.rendered != rendered:
                rendered, feature_map = some.rendered, self.feature_map(some.rendered)
                decoded = checked_decode(operator, feature_map, self.picture)
            answer = decoded
            if self.painted is not None:
                of_sources = some.painted * self._lit(answer)
                answer = torch.lerp(answer, self.painted.to(answer), of_sources.to(answer))
            yield answered(operator, feature_map, answer)

    def _lit(self, grid: Float[Tensor, "rows columns channels"]) -> Float[Tensor, "rows columns 1"]:
        """Share of each cell of a grid that some source sees."""
        return F.interpolate(self.lit[None, None], grid.shape[:2], mode="area")[0, 0, ..., None]
