"""How often the best pixel of a relevancy map lies on what was asked for (LERF's localisation accuracy)."""

from jaxtyping import Bool, Float
from torch import Tensor

VISIBLE_SHARE = 0.005  # of a picture, for a thing to be asked for


class Localisation:
    """Adds up questions; `accuracy` is compared with `chance`, that of a random pixel."""

    def __init__(self) -> None:
        self._hits: list[float] = []
        self._shares: list[float] = []

    def add(
        self, scores: Float[Tensor, "height width"], place: Bool[Tensor, "height width"]
    ) -> None:
        """Ask for what lies at `place`; a place too small to be seen is not asked for."""
        share = float(place.double().mean())
        if share >= VISIBLE_SHARE:
            self._shares.append(share)
            self._hits.append(float(place.flatten()[scores.flatten().argmax()]))

    @property
    def questions(self) -> int:
        """How many were asked."""
        return len(self._hits)

    @property
    def accuracy(self) -> float:
        """Share of questions whose best pixel lies where it should; NaN without any."""
        return sum(self._hits) / len(self._hits) if self._hits else float("nan")

    @property
    def chance(self) -> float:
        """Accuracy of a random pixel; NaN without any question."""
        return sum(self._shares) / len(self._shares) if self._shares else float("nan")
