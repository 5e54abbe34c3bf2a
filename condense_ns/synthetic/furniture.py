"""Things that stand on the floor. Each stands at the origin, its front towards +y, metres.

Every class varies in size and in kind: what makes a chair a chair is that it has a seat at sitting
height and a back, not one mesh.
"""

import numpy as np

from condense_ns.synthetic.parts import Look, Part, four_legs
from condense_ns.synthetic.solids import ball, block, cushion, lathe, rod


def chair(rng: np.random.Generator, look: Look) -> list[Part]:
    """A seat at sitting height with a back."""
    width, depth, seat = rng.uniform(0.40, 0.52), rng.uniform(0.40, 0.50), rng.uniform(0.42, 0.48)
    height = rng.uniform(0.38, 0.6)
    parts = four_legs(rng, look, width, depth, seat)
    padded = rng.random() < 0.4
    shape = cushion if padded else block
    parts.append(Part(shape(width, depth, 0.08 if padded else 0.04, z=seat), look.main, "seat"))
    back = -depth / 2 + 0.02
    if rng.random() < 0.5:
        parts.append(Part(block(width, 0.03, height, y=back, z=seat + 0.04), look.main, "back"))
    else:
        for side in (-1, 1):
            post = block(0.04, 0.03, height, side * (width / 2 - 0.02), back, seat)
            parts.append(Part(post, look.second, "back"))
        for rail in np.linspace(0.35, 0.85, int(rng.integers(2, 4))):
            bar = block(width, 0.025, 0.09, y=back, z=seat + rail * height)
            parts.append(Part(bar, look.main, "back"))
    if rng.random() < 0.3:
        for side in (-1, 1):
            arm = block(0.05, depth * 0.9, 0.04, side * width / 2, z=seat + 0.2)
            parts.append(Part(arm, look.second, "arm"))
    return parts


def stool(rng: np.random.Generator, look: Look) -> list[Part]:
    """A small seat without a back."""
    radius, seat = rng.uniform(0.16, 0.21), rng.uniform(0.40, 0.70)
    top = lathe(
        [(radius * 0.9, seat - 0.05), (radius, seat - 0.02), (radius * 0.95, seat)], sections=28
    )
    if rng.random() < 0.4:
        pillar = rod(0.03, seat - 0.05)
        base = lathe([(radius, 0.0), (radius * 0.9, 0.02), (0.04, 0.06)])
        return [
            Part(top, look.main, "seat"),
            Part(pillar, look.second, "leg"),
            Part(base, look.second, "foot"),
        ]
    legs = four_legs(rng, look, radius * 1.5, radius * 1.5, seat - 0.04)
    return [Part(top, look.main, "seat"), *legs]


def table(rng: np.random.Generator, look: Look) -> list[Part]:
    """A wide top on legs or on a pillar."""
    width, depth, height = rng.uniform(0.9, 1.5), rng.uniform(0.6, 0.9), rng.uniform(0.68, 0.78)
    if rng.random() < 0.3:
        radius = width * 0.42
        top = lathe([(radius * 0.97, height - 0.04), (radius, height - 0.02), (radius, height)])
        pillar = lathe([(radius * 0.5, 0.0), (0.08, 0.05), (0.05, height - 0.04)])
        return [Part(top, look.main, "top"), Part(pillar, look.second, "leg")]
    top = block(width, depth, 0.04, z=height - 0.04)
    legs = four_legs(rng, look, width * 0.95, depth * 0.92, height - 0.04)
    return [Part(top, look.main, "top"), *legs]


def sofa(rng: np.random.Generator, look: Look) -> list[Part]:
    """A long upholstered seat with arms and a back."""
    width, depth = rng.uniform(1.4, 1.9), rng.uniform(0.75, 0.9)
    arm, seat = rng.uniform(0.12, 0.2), rng.uniform(0.24, 0.3)
    parts = [Part(block(width, depth, seat, z=0.06), look.main, "base")]
    back = cushion(width, 0.24, 0.7, y=-depth / 2 + 0.12, z=0.1)
    parts.append(Part(back, look.main, "back"))
    for side in (-1, 1):
        x = side * (width - arm) / 2
        parts.append(Part(cushion(arm * 1.15, depth, 0.55, x, z=0.06), look.main, "arm"))
        parts.append(Part(rod(0.03, 0.07, x, depth / 2 - 0.06), look.second, "leg"))
    seats = int(rng.integers(2, 4))
    room = (width - 2 * arm) / seats
    for number in range(seats):
        x = (number - (seats - 1) / 2) * room
        pad = cushion(room * 0.97, depth * 0.7, 0.16, x, 0.08, seat + 0.04)
        parts.append(Part(pad, look.main, "seat"))
    return parts


def bed(rng: np.random.Generator, look: Look) -> list[Part]:
    """A mattress with a head board and a pillow sewn to it."""
    width, length = rng.uniform(0.9, 1.5), rng.uniform(1.9, 2.05)
    head = rng.uniform(0.7, 1.1)
    return [
        Part(block(width, length, 0.25, z=0.05), look.second, "frame"),
        Part(cushion(width * 0.98, length * 0.98, 0.3, z=0.24), look.main, "mattress"),
        Part(block(width, 0.06, head, y=-length / 2 - 0.02), look.second, "head board"),
        Part(
            block(width * 1.02, length * 0.5, 0.06, y=length * 0.22, z=0.47), look.main, "blanket"
        ),
    ]


def shelf(rng: np.random.Generator, look: Look) -> list[Part]:
    """Boards one above another between two sides, mostly with a back."""
    width, depth, height = rng.uniform(0.6, 1.1), rng.uniform(0.25, 0.34), rng.uniform(1.0, 1.9)
    boards = int(rng.integers(4, 7))
    sides = [block(0.03, depth, height, side * width / 2) for side in (-1, 1)]
    parts = [Part(side, look.main, "side") for side in sides]
    for level in np.linspace(0.06, height - 0.03, boards):
        parts.append(Part(block(width, depth, 0.03, z=level), look.main, "board"))
    if rng.random() < 0.7:
        parts.append(Part(block(width, 0.015, height, y=-depth / 2), look.second, "back"))
    return parts


def cabinet(rng: np.random.Generator, look: Look) -> list[Part]:
    """A closed box with drawers or doors and their knobs."""
    width, depth, height = rng.uniform(0.6, 1.2), rng.uniform(0.4, 0.5), rng.uniform(0.6, 1.1)
    parts = [
        Part(block(width, depth, height, z=0.05), look.main),
        Part(block(width * 0.94, depth * 0.9, 0.05), look.second, "plinth"),
    ]
    columns, rows = (1, int(rng.integers(2, 5))) if rng.random() < 0.6 else (2, 1)
    front, cell_width, cell_height = depth / 2, width / columns, height / rows
    for column in range(columns):
        for row in range(rows):
            x, z = (column + 0.5) * cell_width - width / 2, 0.05 + row * cell_height
            panel = block(cell_width - 0.04, 0.02, cell_height - 0.04, x, front, z + 0.02)
            parts.append(Part(panel, look.main, "front"))
            knob = ball(0.022, x, front + 0.025, z + cell_height / 2 - 0.02)
            parts.append(Part(knob, look.second, "knob"))
    return parts


def lamp(rng: np.random.Generator, look: Look) -> list[Part]:
    """A shade on a thin pole with a foot."""
    height, radius = rng.uniform(1.2, 1.7), rng.uniform(0.15, 0.24)
    shade = lathe(
        [(radius, height), (radius * rng.uniform(0.5, 0.9), height + rng.uniform(0.2, 0.32))]
    )
    foot = lathe([(0.15, 0.0), (0.14, 0.02), (0.02, 0.04)])
    return [
        Part(shade, look.main, "shade"),
        Part(rod(0.015, height), look.second, "pole"),
        Part(foot, look.second, "foot"),
    ]


def plant(rng: np.random.Generator, look: Look) -> list[Part]:
    """Leaves in a pot."""
    radius, pot = rng.uniform(0.12, 0.18), rng.uniform(0.2, 0.32)
    parts = [
        Part(
            lathe([(radius * 0.7, 0.0), (radius, pot), (radius * 0.9, pot), (0.02, pot - 0.03)]),
            look.second,
            "pot",
        )
    ]
    length = rng.uniform(0.3, 0.6)
    for _ in range(int(rng.integers(14, 24))):
        leaf = cushion(0.09, 0.02, length * rng.uniform(0.6, 1.0))
        swung = leaf.tilted((1.0, 0.0, 0.0), rng.uniform(0.1, 0.9))
        leaf = swung.moved(z=pot - 0.05, turn=rng.uniform(0, 2 * np.pi))
        parts.append(Part(leaf, look.main, "leaf"))
    return parts
