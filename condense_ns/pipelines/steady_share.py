"""How much of a lifted answer may be the operator's own of the rendered picture, settled for a scene.

What an operator says of the rendered picture belongs to the wanted point of view: it is nearer to what it says of
a photograph than what is mixed from the sources. But it is unsteady, how much so depends on the operator, and on
how good pictures of the scene are. So some photographs of the scene are rendered from the others, with larger and
larger shares of it in the map, or, of operators that paint, smaller and smaller ones of the sources' paintings in the
answer; the last are taken with which answers about one place differ, in neighbouring and in distant views, at most so
much as is asked for, in shares of what the operator's own answers for the photographs differ: in the mean over pairs
of views and by its standard error, since other views may do worse.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from statistics import stdev

import torch
from rich.progress import track

from condense_ns.errors import UserError
from condense_ns.operators.base import Operator, Shares
from condense_ns.pipelines.answer_pairs import (
    Pair,
    Target,
    chosen_pairs,
    inconsistencies,
    kind_of,
    mean_of,
    shared_of_pairs,
    views_of,
)
from condense_ns.pipelines.scene_lifting import SceneLifter

STEADY = 0.5
"""Of the inconsistency of the operator's own answers."""
TRIED = 4
"""Photographs, each with a neighbouring and a distant one; then all of these are paired among each other."""
STEP = 0.05
MOST_PAINTED = 0.7
"""Share of the sources' paintings beyond which answers get more blurred than steady."""


class ShareSettler:
    """Renders photographs of a scene once, for all operators.

    Args:
        lifter: of the scene.
        views: numbers of the photographs that may be looked at; None for those of training.
        steady: the share of inconsistency that is asked for.
        least_angle: degrees by which the sources' rays differ from those of what is rendered from them.
    """

    def __init__(
        self,
        lifter: SceneLifter,
        views: Sequence[int] | None = None,
        steady: float = STEADY,
        least_angle: float = 0.0,
    ) -> None:
        self._lifter, self._steady = lifter, steady
        views = lifter.scene.training if views is None else views
        tried = views_of(chosen_pairs(lifter, TRIED, views))
        self._targets: dict[int, Target] = {}
        for view in track(tried, f"Trying how steady pictures of {lifter.scene.name} are"):
            with suppress(UserError):  # nothing else shows what it shows: it is left out
                lifted = lifter.render(lifter.camera(view), list(views), [view], least_angle)
                self._targets[view] = Target(view, lifter.scene.image(view), lifted)
        pairs = chosen_pairs(lifter, len(self._targets), sorted(self._targets))
        once = {(frozenset((pair.first, pair.second)), pair.is_long): pair for pair in pairs}
        self._shared = shared_of_pairs(lifter, once.values(), self._targets)

    def settle(self, operator: Operator) -> Shares:
        """Let the lifter use the last shares to try that are steady enough, or the first.

        Args:
            operator: that is prepared for the scene.

        Returns:
            The shares.
        """
        if not operator.shares_may_change or not self._shared:
            return operator.shares
        lifter = self._lifter
        parts = {
            view: lifter.parts(operator, found.lifted, trying=True)
            for view, found in self._targets.items()
        }
        alone = {
            view: lifter.answer(
                operator, lifter.working_map(operator, view), found.image, alone=True
            )
            for view, found in self._targets.items()
        }
        kind = kind_of(operator, next(iter(alone.values())))
        maps = [answered.feature_map.flatten(0, 1) for answered in alone.values()]
        mean = torch.cat(maps).mean(dim=0)
        allowed = inconsistencies(kind, alone, self._shared, mean)

        def is_steady(shares: Shares) -> bool:
            answers = {view: some.mixed(operator, shares) for view, some in parts.items()}
            found = inconsistencies(kind, answers, self._shared, mean)
            return is_within(found, allowed, self._steady)

        settled = last_steady(shares_to_try(operator), is_steady)
        lifter.settled_shares[operator.spec] = settled
        return settled


def shares_to_try(operator: Operator) -> list[Shares]:
    """Shares of an operator, the steadiest first: no less of the rendered picture than its own."""
    if operator.painted_share > 0:
        steps = round(MOST_PAINTED / STEP)
        return [Shares(operator.rendered_share, step * STEP) for step in range(steps, -1, -1)]
    steps = int((1 - operator.rendered_share) / STEP + 0.5)
    shares = [Shares(min(1.0, operator.rendered_share + step * STEP)) for step in range(steps)]
    return [*shares, Shares(1.0)]


def last_steady(shares: Sequence[Shares], is_steady: Callable[[Shares], bool]) -> Shares:
    """The last shares before any that are not steady; the first are taken in any case."""
    return [shares[0], *takewhile(is_steady, shares[1:])][-1]


def is_within(found: Mapping[Pair, float], alone: Mapping[Pair, float], steady: float) -> bool:
    """Whether inconsistency is small enough in short and in long pairs, in the mean and by a standard error of it.

    Args:
        found: inconsistency of each pair.
        alone: of the operator's own answers.
        steady: the share of it that is small enough.
    """
    for is_long in (False, True):
        above = [found[pair] - steady * alone[pair] for pair in found if pair.is_long == is_long]
        error = stdev(above) / len(above) ** 0.5 if len(above) > 1 else 0.0
        if above and mean_of(above) + error > 0:
            return False
    return True
