"""The same scene met again: another light, and one thing at another place.

With cameras of another seed its photographs are a near-duplicate for the detection of duplicates.
"""

from dataclasses import replace

import numpy as np

from condense_ns.synthetic.arrangement import Arrangement
from condense_ns.synthetic.catalogue import CATALOGUE
from condense_ns.synthetic.procedural_scene import light
from condense_ns.synthetic.scene import Placed, SyntheticScene

SMALLEST_MOVE = 0.15  # metres, so that it can be seen
_ROUNDS = 20  # a crowded table has few free places, and not all of them are far enough


def met_again(scene: SyntheticScene, time: int) -> SyntheticScene:
    """The scene as it is met another time; things keep their identities and numbers.

    Args:
        scene: as it is met first.
        time: from 1; the same time gives the same scene.
    """
    rng = np.random.default_rng((scene.seed, time, 11))
    return replace(
        scene, placed=_with_one_moved(scene, rng), light=light(rng, scene.room), time=time
    )


def _with_one_moved(scene: SyntheticScene, rng: np.random.Generator) -> tuple[Placed, ...]:
    """All things, one of them elsewhere; none if nothing can be moved."""
    things = list(scene.placed)
    for _ in range(_ROUNDS):
        for number in rng.permutation(len(things)).tolist():
            moved = _moved(scene, number, rng)
            if moved is not None:
                things[number] = moved
                return tuple(things)
    return tuple(things)


def _moved(scene: SyntheticScene, number: int, rng: np.random.Generator) -> Placed | None:
    """A thing at another place of its kind; None if it does not move or nothing is free."""
    thing = scene.placed[number]
    kind = CATALOGUE.get(thing.instance.class_name)
    if kind is None or kind.place not in ("floor", "top") or thing.instance.class_name == "table":
        return None
    rest = [other for other in scene.placed if other is not thing]
    shell = [other for other in rest if other.instance.class_name not in CATALOGUE]
    arrangement = Arrangement(rng, scene.room, shell)
    for other in rest:
        if other.instance.class_name in CATALOGUE:
            arrangement.keep(other)
    unplaced = replace(thing, x=0.0, y=0.0, z=0.0, turn=0.0)
    bearing = [*arrangement.of_class("table"), *arrangement.of_class("cabinet")]
    if thing.z > 0.0:
        found = arrangement.on_top(unplaced, bearing)
    else:
        found = arrangement.in_the_open(unplaced)
    way = np.hypot(found.x - thing.x, found.y - thing.y)
    is_placed = found is not unplaced  # what finds no place comes back as it was
    return found if is_placed and way >= SMALLEST_MOVE else None
