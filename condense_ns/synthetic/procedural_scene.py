"""Scenes from a seed: a furnished room, things on a table in one, or one thing alone in a hall."""

from typing import Literal

import numpy as np

from condense_ns.synthetic.arrangement import Arrangement
from condense_ns.synthetic.catalogue import CATALOGUE, thing
from condense_ns.synthetic.materials import material
from condense_ns.synthetic.parts import Part
from condense_ns.synthetic.scene import Instance, Light, Placed, SyntheticScene
from condense_ns.synthetic.solids import Solid, block
from condense_ns.synthetic.vocabulary import COLOURS

SceneKind = Literal["room", "tabletop", "thing"]
KINDS: tuple[SceneKind, ...] = ("room", "tabletop", "thing")
FURNISHED = KINDS[:2]
"""With many things each."""
_HALL = (9.0, 9.0, 3.2)
_THICKNESS = 0.1
_OF_PLACE = {
    place: [name for name, kind in CATALOGUE.items() if kind.place == place]
    for place in ("floor", "edge", "top", "wall", "seat")
}


def make_scene(seed: int, kind: SceneKind) -> SyntheticScene:
    """The scene of a seed; nothing in it occurs in a scene of another seed or kind.

    Args:
        seed: any number from 0.
        kind: `room` is furnished and seen from inside, `tabletop` is a table with small things, `thing`
            is one thing on a floor; seeds that follow each other have things of all classes in turn.
    """
    number = KINDS.index(kind)
    rng = np.random.default_rng((seed, number))
    height = float(rng.uniform(2.4, 2.8))
    room = (float(rng.uniform(3.8, 5.2)), float(rng.uniform(3.6, 4.6)), height)
    room = _HALL if kind == "thing" else room
    arrangement = Arrangement(rng, room, _shell(rng, (seed, number), room))
    makers = _Makers((seed, number))
    if kind == "room":
        focus = _furnish_room(arrangement, rng, makers)
    elif kind == "tabletop":
        focus = _lay_table(arrangement, rng, makers)
    else:
        focus = _stand_alone(arrangement, makers(list(CATALOGUE)[seed % len(CATALOGUE)]))
    return SyntheticScene(seed, kind, tuple(arrangement.placed), light(rng, room), room, focus)


def light(rng: np.random.Generator, room: tuple[float, float, float]) -> Light:
    """A lamp somewhere below the ceiling, warmer or colder."""
    x, y = rng.uniform(-0.3, 0.3, 2) * np.array(room[:2])
    warmth, strength = float(rng.uniform(-0.12, 0.12)), float(rng.uniform(0.55, 0.8))
    ambient = float(rng.uniform(0.28, 0.4))
    return Light(
        position=(float(x), float(y), room[2] - 0.25),
        colour=(strength * (1 + warmth), strength, strength * (1 - warmth)),
        ambient=(ambient * (1 - warmth / 2), ambient, ambient * (1 + warmth / 2)),
    )


class _Makers:
    """Things of one scene, each with a seed of its own."""

    def __init__(self, seed: tuple[int, int]) -> None:
        self.seed, self.count = seed, 0

    def __call__(self, class_name: str) -> Placed:
        self.count += 1
        return thing((*self.seed, self.count), class_name)


def _furnish_room(
    arrangement: Arrangement, rng: np.random.Generator, make: _Makers
) -> tuple[float, float, float]:
    """Furniture along the walls, a table with seats, small things on what bears them."""
    for name in rng.permutation(_OF_PLACE["edge"])[: int(rng.integers(4, 7))]:
        arrangement.along_wall(make(str(name)))
    arrangement.in_the_open(make("table"))
    for name in rng.choice(["chair", "chair", "stool", "ball", "chair"], int(rng.integers(3, 6))):
        arrangement.in_the_open(make(str(name)))
    for name in rng.choice(_OF_PLACE["wall"], int(rng.integers(2, 5)), p=[0.75, 0.25]):
        arrangement.on_wall(make(str(name)))
    bearing = [*arrangement.of_class("table"), *arrangement.of_class("cabinet")]
    for name in rng.choice(_OF_PLACE["top"], int(rng.integers(4, 8))):
        arrangement.on_top(make(str(name)), bearing)
    for seat in [*arrangement.of_class("sofa"), *arrangement.of_class("bed")]:
        arrangement.on_seat(make("pillow"), seat)
    return (0.0, 0.0, 0.6)


def _lay_table(
    arrangement: Arrangement, rng: np.random.Generator, make: _Makers
) -> tuple[float, float, float]:
    """A table in the middle with many small things; some furniture behind."""
    table = arrangement.in_the_middle(make("table"))
    for name in rng.permutation(_OF_PLACE["edge"])[:3]:
        arrangement.along_wall(make(str(name)))
    for name in rng.choice(_OF_PLACE["wall"], 3, p=[0.75, 0.25]):
        arrangement.on_wall(make(str(name)))
    names = rng.permutation([*_OF_PLACE["top"], "ball"])
    for name in names[: int(rng.integers(6, 10))]:
        arrangement.on_top(make(str(name)), [table])
    return (0.0, 0.0, float(table.bounds()[1, 2]) + 0.08)


def _stand_alone(arrangement: Arrangement, made: Placed) -> tuple[float, float, float]:
    """One thing in the middle of the floor."""
    x, y, z = arrangement.in_the_middle(made).bounds().mean(axis=0).tolist()
    return (x, y, z)


def _shell(
    rng: np.random.Generator, seed: tuple[int, int], room: tuple[float, float, float]
) -> list[Placed]:
    """Floor, walls and ceiling, mostly with a rug."""
    width, depth, height = room
    outer = (width + 2 * _THICKNESS, depth + 2 * _THICKNESS)
    floor = [block(*outer, _THICKNESS, z=-_THICKNESS)]
    ceiling = [block(*outer, _THICKNESS, z=height)]
    walls = []
    for side in (-1, 1):
        walls.append(block(_THICKNESS, outer[1], height, x=side * (width + _THICKNESS) / 2))
        walls.append(block(outer[0], _THICKNESS, height, y=side * (depth + _THICKNESS) / 2))
    pale = ("white", "beige", "grey", "yellow", "turquoise", "pink", "green", "blue")
    covered = ("plain", "plain", "striped", "marbled", "woven")
    shell = [
        _surface(rng, seed, "floor", floor, ("brown", "beige", "grey", "white"), _FLOORS, 0.4),
        _surface(rng, seed, "wall", walls, pale, covered, 0.35),
        _surface(rng, seed, "ceiling", ceiling, ("white", "beige"), ("plain",), 0.5),
    ]
    if rng.random() < 0.8:
        mat = [block(float(rng.uniform(1.4, 2.2)), float(rng.uniform(1.2, 1.8)), 0.012)]
        patterns = ("striped", "checkered", "spotted", "woven", "marbled")
        shell.append(_surface(rng, seed, "rug", mat, tuple(COLOURS), patterns, 0.25))
    return shell


_FLOORS = ("wooden", "wooden", "checkered", "marbled")


def _surface(
    rng: np.random.Generator,
    seed: tuple[int, int],
    class_name: str,
    solids: list[Solid],
    colours: tuple[str, ...],
    patterns: tuple[str, ...],
    period: float,
) -> Placed:
    colour, pattern = str(rng.choice(colours)), str(rng.choice(patterns))
    covering = material(rng, colour, pattern, period)
    identity = "-".join([class_name, *map(str, seed)])
    parts = tuple(Part(solid, covering) for solid in solids)
    return Placed(Instance(identity, class_name, colour, pattern), parts)
