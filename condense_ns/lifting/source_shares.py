"""What each source gives the rays of a target: means over the samples of a ray, by their shares."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class SourceShares:
    """Of some rays, or of all rays of a picture."""

    weights: Float[Tensor, "sources *rays"]
    """Of a source in the colour of a ray; they sum to one where some source sees the ray."""
    colours: Float[Tensor, "sources *rays 3"]
    """RGB in [0, 1] that a source gives; black where its weight is zero."""
    hidden: Float[Tensor, "sources *rays"]
    """How far behind the target's own surface, in [0, 1]."""
    angles: Float[Tensor, "sources *rays"]
    """1 - cosine of the angle between target and source."""
    seen: Float[Tensor, "sources *rays"]
    """Share of the ray that is in the source's field of view."""
    spreads: Float[Tensor, "sources *rays"]
    """Standard deviation of the ray's depth by its mean; the same for all sources."""

    @property
    def blended(self) -> Float[Tensor, "*rays 3"]:
        """The colours that rays have by these weights."""
        return (self.weights[..., None] * self.colours).sum(dim=0)

    @property
    def lit(self) -> Float[Tensor, "*rays"]:
        """One where some source sees the ray, else zero."""
        return (self.weights.sum(dim=0) > 0).to(self.weights)

    def rows(self, first: int, last: int) -> "SourceShares":
        """Some rows of a picture."""
        parts = (getattr(self, one.name)[:, first:last] for one in fields(self))
        return SourceShares(*parts)


def whole_picture(parts: Sequence[SourceShares], height: int, width: int) -> SourceShares:
    """The picture whose rays these are, row by row."""
    joined = []
    for one in fields(SourceShares):
        values = torch.cat([getattr(part, one.name) for part in parts], dim=1)
        joined.append(values.unflatten(1, (height, width)))
    return SourceShares(*joined)
