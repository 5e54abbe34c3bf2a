"""How well a ranking finds what is relevant."""

import math
from collections.abc import Sequence


def recall_at(rankings: Sequence[Sequence[bool]], count: int) -> float:
    """Share of rankings with something relevant among the first `count`, in [0, 1]; NaN without any.

    Args:
        rankings: for each question, whether each answer is relevant, the best answer first.
        count: answers that are looked at, at least 1.
    """
    if not rankings:
        return math.nan
    return sum(any(ranking[:count]) for ranking in rankings) / len(rankings)


def average_precision(ranking: Sequence[bool], relevant: int) -> float:
    """Mean of the precision at each relevant answer, in [0, 1]; NaN if nothing is relevant.

    Args:
        ranking: whether each answer is relevant, the surest first.
        relevant: how many there are to be found; those missing from the ranking count 0.
    """
    if not relevant:
        return math.nan
    hits, total = 0, 0.0
    for place, is_relevant in enumerate(ranking, start=1):
        if is_relevant:
            hits += 1
            total += hits / place
    return total / relevant
