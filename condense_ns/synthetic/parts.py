"""What the builders of things share: a part is a solid of one material."""

from dataclasses import dataclass

import numpy as np

from condense_ns.synthetic.materials import Material
from condense_ns.synthetic.solids import Solid, block, rod


@dataclass(frozen=True)
class Part:
    """A solid and what it is made of."""

    solid: Solid
    material: Material
    name: str = "body"
    """What it is called within its thing, e.g. "leg"."""


@dataclass(frozen=True)
class Look:
    """Materials of a thing: the one that names it, and the one of its legs, knobs or foot."""

    main: Material
    second: Material


def four_legs(
    rng: np.random.Generator, look: Look, width: float, depth: float, height: float
) -> list[Part]:
    """Legs at the corners of a rectangle, round or square."""
    thickness, slim = rng.uniform(0.035, 0.055), rng.random() < 0.5
    legs = []
    for x in (-1, 1):
        for y in (-1, 1):
            at = (x * (width - thickness) / 2, y * (depth - thickness) / 2)
            if slim:
                legs.append(
                    Part(rod(thickness * 0.35, height, *at, top=thickness / 2), look.second, "leg")
                )
            else:
                legs.append(Part(block(thickness, thickness, height, *at), look.second, "leg"))
    return legs
