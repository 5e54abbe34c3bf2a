"""How much of a lifted answer may be the operator's own of the rendered picture, settled for a scene.

What an operator says of the rendered picture belongs to the wanted point of view: it is nearer to what it says of
a photograph than what is mixed from the sources. But it is unsteady, how much so depends on the operator, and on
how good pictures of the scene are. So some photographs of the scene are rendered from the others, with larger and
larger shares of it in the map, or, of operators that paint, smaller and smaller ones of the sources' paintings in the
answer. Two things are looked at: whether answers about one place differ, in neighbouring and in distant views, at most
so much as is asked for, in shares of what the operator's own answers for the photographs differ; and whether answers
are no less like those for the photographs than what the operator by itself says of the rendered pictures. Pairs and
views are few, so each is told in standard errors of its mean. Where shares do both, the ones are taken for which the
less certain of the two is most certain; else the last that are steady by one standard error.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from statistics import stdev
from typing import NamedTuple

import torch
from jaxtyping import Float
from rich.progress import track
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.geometry.correspondence import SharedPlaces
from condense_ns.metrics.answer_agreement import Kind
from condense_ns.operators.base import Operator, Shares
from condense_ns.operators.checking import checked_encode
from condense_ns.pipelines.answer_pairs import (
    Pair,
    Target,
    chosen_pairs,
    inconsistencies,
    kind_of,
    mean_of,
    shared_of_pairs,
    unlikenesses,
    views_of,
)
from condense_ns.pipelines.lifted_parts import Told
from condense_ns.pipelines.scene_lifting import SceneLifter

STEADY = 0.5
"""Of the inconsistency of the operator's own answers."""
TRIED = 8
"""Photographs, each with a neighbouring and a distant one; all are then paired among each other, no farther apart."""
STEP = 0.05
MOST_PAINTED = 0.7
"""Share of the sources' paintings beyond which answers get more blurred than steady."""


class Trial(NamedTuple):
    """Of some shares; both figures are in standard errors, and positive where what is asked for holds in the mean."""

    shares: Shares
    steadiness: float
    likeness: float

    @property
    def certainty(self) -> float:
        """That both hold."""
        return min(self.steadiness, self.likeness)


class ShareSettler:
    """Renders photographs of a scene once, for all operators.

    Args:
        lifter: of the scene.
        views: numbers of the photographs that may be looked at; None for those of training.
        least_angle: degrees by which the sources' rays differ from those of what is rendered from them.
    """

    def __init__(
        self,
        lifter: SceneLifter,
        views: Sequence[int] | None = None,
        least_angle: float = 0.0,
    ) -> None:
        self._lifter = lifter
        views = lifter.scene.training if views is None else views
        nearest = chosen_pairs(lifter, TRIED, views)
        self._targets: dict[int, Target] = {}
        title = f"Trying how steady pictures of {lifter.scene.name} are"
        for view in track(views_of(nearest), title):
            with suppress(UserError):  # nothing else shows what it shows: it is left out
                lifted = lifter.render(lifter.camera(view), list(views), [view], least_angle)
                self._targets[view] = Target(view, lifter.scene.image(view), lifted)
        pairs = chosen_pairs(lifter, len(self._targets), sorted(self._targets))
        alike = no_farther_than(nearest, pairs)
        once = {(frozenset((pair.first, pair.second)), pair.is_long): pair for pair in alike}
        self._shared = shared_of_pairs(lifter, once.values(), self._targets)

    def settle(self, operator: Operator, steady: float = STEADY) -> Shares:
        """Let the lifter use the shares that suit the scene best.

        Args:
            operator: that is prepared for the scene.
            steady: the share of inconsistency that is asked for.

        Returns:
            The shares.
        """
        if not operator.shares_may_change or not self._shared:
            return operator.shares
        tried, lifter = shares_to_try(operator), self._lifter
        mixtures = {
            view: lifter.parts(operator, found.lifted, trying=True).mixtures(operator, tried)
            for view, found in self._targets.items()
        }
        compared = self._compared(operator)
        trials: list[Trial] = []
        for shares in tried:
            answers = {view: next(mixed).told for view, mixed in mixtures.items()}
            trials.append(compared.trial(shares, answers, steady))
            if trials[-1].steadiness < 0:
                break
        settled = settled_of(trials)
        lifter.settled_shares[operator.spec] = settled
        return settled

    def _compared(self, operator: Operator) -> "_Compared":
        """What the operator says by itself of the photographs, and of the rendered pictures."""
        lifter, alone, rendered = self._lifter, {}, {}
        for view, found in self._targets.items():
            own, picture = lifter.working_map(operator, view), found.lifted.picture
            alone[view] = lifter.answer(operator, own, found.image, alone=True).told
            of_picture = checked_encode(operator, picture[None])[0]
            rendered[view] = lifter.answer(operator, of_picture, picture, alone=True).told
        kind = kind_of(operator, next(iter(alone.values())))
        maps = [answered.feature_map.flatten(0, 1) for answered in alone.values()]
        mean = torch.cat(maps).mean(dim=0)
        return _Compared(
            kind,
            mean,
            self._shared,
            alone,
            inconsistencies(kind, alone, self._shared, mean),
            unlikenesses(kind, rendered, alone, mean),
        )


@dataclass(frozen=True)
class _Compared:
    """What answers are compared with."""

    kind: Kind
    mean: Float[Tensor, " channels"]
    shared: Mapping[Pair, SharedPlaces]
    alone: Mapping[int, Told]
    """For the photographs."""
    allowed: Mapping[Pair, float]
    """Their inconsistency."""
    unlike: Mapping[int, float]
    """How far from them the operator's answers for the rendered pictures are."""

    def trial(self, shares: Shares, answers: Mapping[int, Told], steady: float) -> Trial:
        """How answers do that are mixed with some shares."""
        found = inconsistencies(self.kind, answers, self.shared, self.mean)
        unlike = unlikenesses(self.kind, answers, self.alone, self.mean)
        nearer = [self.unlike[view] - value for view, value in unlike.items()]
        return Trial(shares, steadiness(found, self.allowed, steady), certainty(nearer))


def shares_to_try(operator: Operator) -> list[Shares]:
    """Shares of an operator, the steadiest first: no less of the rendered picture than its own."""
    if operator.painted_share > 0:
        steps = round(MOST_PAINTED / STEP)
        return [Shares(operator.rendered_share, step * STEP) for step in range(steps, -1, -1)]
    steps = int((1 - operator.rendered_share) / STEP + 0.5)
    shares = [Shares(min(1.0, operator.rendered_share + step * STEP)) for step in range(steps)]
    return [*shares, Shares(1.0)]


def no_farther_than(nearest: Sequence[Pair], pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs that are no farther apart than any of the nearest ones of their kind.

    Among a few views partners are missing, and those that are left lie farther apart than a scene's usual ones, so that
    answers would look less steady than they are.
    """
    farthest = {
        is_long: max((pair.angle for pair in nearest if pair.is_long == is_long), default=0.0)
        for is_long in (False, True)
    }
    return [pair for pair in pairs if pair.angle <= farthest[pair.is_long]]


def settled_of(trials: Sequence[Trial]) -> Shares:
    """The shares that are most certainly steady and like the photographs, or steady at least.

    Args:
        trials: the steadiest first; that is taken in any case.
    """
    surest = max(trials, key=lambda trial: trial.certainty)
    if surest.certainty >= 0:
        return surest.shares
    steady = takewhile(lambda trial: trial.steadiness >= 1, trials[1:])
    return [trials[0], *steady][-1].shares


def steadiness(found: Mapping[Pair, float], alone: Mapping[Pair, float], steady: float) -> float:
    """How certain it is that inconsistency is small enough, in short and in long pairs.

    Args:
        found: inconsistency of each pair; there is one.
        alone: of the operator's own answers.
        steady: the share of it that is small enough.

    Returns:
        As `certainty`, the lesser of both kinds of pairs.
    """
    below = {
        is_long: [steady * alone[pair] - found[pair] for pair in found if pair.is_long == is_long]
        for is_long in (False, True)
    }
    return min(certainty(values) for values in below.values() if values)


def certainty(values: Collection[float]) -> float:
    """Mean of values in its standard errors (Student's t); infinite where they are all the same, which 0 is, too."""
    mean = mean_of(list(values))
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    if error == 0:
        return float("inf") if mean >= 0 else float("-inf")
    return mean / error
