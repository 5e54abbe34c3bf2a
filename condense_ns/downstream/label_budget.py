"""How many of the training clouds may be used with their labels: 1 %, 10 %, all."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence

from condense_ns.downstream.labelled_cloud import Split
from condense_ns.errors import UserError


def labelled_places(split: Split, percent: float, seed: int) -> list[int]:
    """Places of the clouds that may be used, sorted.

    With classes of clouds, so many of each, at least one; without, so many of all. Those of a smaller
    share are among those of a larger one.

    Args:
        split: of training.
        percent: above 0, at most 100.
        seed: which ones.

    Raises:
        UserError: another share.
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(split)):
        groups[0 if split.categories is None else split.categories[place]].append(place)
    chosen: list[int] = []
    for category, places in sorted(groups.items()):
        chosen += drawn_share(places, percent, f"{seed} {category}")
    return sorted(chosen)


def drawn_share(places: Sequence[int], percent: float, seed: int | str) -> list[int]:
    """So many percent of some places, at least one; those of a smaller share are among a larger one's.

    Args:
        places: at least one.
        percent: above 0, at most 100.
        seed: which ones.

    Raises:
        UserError: another share.
    """
    if not 0 < percent <= 100:
        raise UserError(f"--labels is {percent:g}, it must be above 0 and at most 100 (percent)")
    shuffled = list(places)
    random.Random(f"labels {seed}").shuffle(shuffled)
    return shuffled[: max(1, math.floor(len(shuffled) * percent / 100 + 0.5))]
