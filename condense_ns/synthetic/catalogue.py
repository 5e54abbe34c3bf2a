"""Which things there are: how each is built, where it may stand, what it is covered with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from condense_ns.synthetic import furniture, tableware
from condense_ns.synthetic.materials import material
from condense_ns.synthetic.parts import Look, Part
from condense_ns.synthetic.scene import Instance, Placed
from condense_ns.synthetic.vocabulary import COLOURS, PATTERNS

Place = Literal["floor", "edge", "top", "wall", "seat"]


@dataclass(frozen=True)
class Kind:
    """One class of things."""

    build: Callable[[np.random.Generator, Look], list[Part]]
    place: Place
    """In the open, along a wall, on something, hung on a wall, or on a sofa or bed."""
    period: float
    """Typical size of its pattern, metres."""
    colours: tuple[str, ...] = tuple(COLOURS)
    patterns: tuple[str, ...] = PATTERNS


_BOLD = ("striped", "checkered", "spotted", "marbled")

CATALOGUE: dict[str, Kind] = {
    "chair": Kind(furniture.chair, "floor", 0.12),
    "stool": Kind(furniture.stool, "floor", 0.10),
    "table": Kind(furniture.table, "floor", 0.25, patterns=("wooden", "marbled", "plain")),
    "sofa": Kind(furniture.sofa, "edge", 0.2),
    "bed": Kind(furniture.bed, "edge", 0.25),
    "shelf": Kind(furniture.shelf, "edge", 0.2, patterns=("wooden", "plain", "marbled")),
    "cabinet": Kind(furniture.cabinet, "edge", 0.2, patterns=("wooden", "plain", "striped")),
    "lamp": Kind(furniture.lamp, "edge", 0.08),
    "plant": Kind(furniture.plant, "edge", 0.1, ("green",), ("plain", "woven")),
    "picture": Kind(tableware.picture, "wall", 0.2, patterns=_BOLD),
    "clock": Kind(tableware.clock, "wall", 0.2, patterns=("plain",)),
    "monitor": Kind(tableware.monitor, "top", 0.1, ("black", "grey", "white"), ("plain",)),
    "pillow": Kind(tableware.pillow, "seat", 0.08),
    "book": Kind(tableware.book, "top", 0.05),
    "vase": Kind(tableware.vase, "top", 0.06),
    "mug": Kind(tableware.mug, "top", 0.03),
    "bowl": Kind(tableware.bowl, "top", 0.05),
    "bottle": Kind(tableware.bottle, "top", 0.05, patterns=("plain", "striped", "marbled")),
    "teapot": Kind(tableware.teapot, "top", 0.05),
    "candle": Kind(tableware.candle, "top", 0.04, patterns=("plain", "striped", "marbled")),
    "ball": Kind(tableware.ball, "floor", 0.1),
}

_SECOND_COLOURS = ("black", "white", "brown", "grey", "beige")
_SECOND_OF: dict[str, tuple[str, str]] = {"monitor": ("black", "plain"), "book": ("white", "plain")}


def thing(seed: tuple[int, ...], class_name: str) -> Placed:
    """A thing of a class at the origin; the same seed makes the same thing."""
    rng = np.random.default_rng(seed)
    kind = CATALOGUE[class_name]
    colour, pattern = str(rng.choice(kind.colours)), str(rng.choice(kind.patterns))
    main = material(rng, colour, pattern, kind.period * float(rng.uniform(0.7, 1.4)))
    second_colour, second_pattern = _SECOND_OF.get(
        class_name, (str(rng.choice(_SECOND_COLOURS)), str(rng.choice(["plain", "wooden"])))
    )
    second = material(rng, second_colour, second_pattern, 0.1)
    identity = "-".join([class_name, *map(str, seed)])
    parts = kind.build(rng, Look(main, second))
    return Placed(Instance(identity, class_name, colour, pattern), tuple(parts))
