"""Small things that stand on tables, shelves or the floor; at the origin, metres."""

import numpy as np

from condense_ns.synthetic.parts import Look, Part
from condense_ns.synthetic.solids import ball as sphere
from condense_ns.synthetic.solids import block, cushion, lathe, ring, rod


def vase(rng: np.random.Generator, look: Look) -> list[Part]:
    """A belly with a neck, open at the top."""
    height, belly = rng.uniform(0.22, 0.38), rng.uniform(0.07, 0.11)
    neck, at = belly * rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.55)
    levels = np.linspace(0.0, 1.0, 14)
    radii = neck + (belly - neck) * np.exp(-(((levels - at) / 0.28) ** 2))
    radii[-1] += rng.uniform(0.0, 0.03)
    profile = [(float(r), float(z * height)) for r, z in zip(radii, levels, strict=True)]
    inside = [(neck * 0.8, height), (neck * 0.7, height * 0.8)]
    return [Part(lathe([*profile, *inside]), look.main)]


def mug(rng: np.random.Generator, look: Look) -> list[Part]:
    """A short cylinder with a handle."""
    radius, height = rng.uniform(0.04, 0.055), rng.uniform(0.085, 0.12)
    body = lathe(
        [
            (radius * rng.uniform(0.8, 1.0), 0.0),
            (radius, height * 0.2),
            (radius, height),
            (radius * 0.85, height),
            (radius * 0.8, height * 0.2),
        ]
    )
    handle = ring(height * 0.28, 0.008, x=radius + 0.01, z=height / 2)
    return [Part(body, look.main), Part(handle, look.main, "handle")]


def bowl(rng: np.random.Generator, look: Look) -> list[Part]:
    """Wider than high, hollow."""
    radius, height = rng.uniform(0.10, 0.16), rng.uniform(0.06, 0.09)
    rise = np.linspace(0.0, 1.0, 8)
    outer = [(float(radius * np.sqrt(0.12 + 0.88 * t)), float(height * t)) for t in rise]
    inner = [
        (float(radius * 0.93 * np.sqrt(t)), float(height * (0.08 + 0.92 * t))) for t in rise[::-1]
    ]
    return [Part(lathe([*outer, *inner]), look.main)]


def bottle(rng: np.random.Generator, look: Look) -> list[Part]:
    """A slim body with a thin neck and a cap."""
    radius, height = rng.uniform(0.035, 0.05), rng.uniform(0.24, 0.34)
    shoulder, neck = rng.uniform(0.55, 0.7), radius * rng.uniform(0.3, 0.4)
    body = lathe(
        [
            (radius, 0.0),
            (radius, shoulder * height),
            (neck * 1.6, (shoulder + 0.1) * height),
            (neck, (shoulder + 0.15) * height),
            (neck, height * 0.96),
        ]
    )
    cap = rod(neck * 1.25, height * 0.06, z=height * 0.94)
    return [Part(body, look.main), Part(cap, look.second, "cap")]


def teapot(rng: np.random.Generator, look: Look) -> list[Part]:
    """A round belly with spout, handle and lid."""
    radius = rng.uniform(0.08, 0.11)
    squeeze = rng.uniform(0.75, 0.95)
    height = 2 * radius * squeeze
    angles = np.linspace(-1.2, 1.3, 10)
    profile = [
        (float(radius * np.cos(a)), float(height / 2 * (1 + np.sin(a) / np.sin(1.3))))
        for a in angles
    ]
    spout = rod(0.022, radius * 1.1, top=0.012).tilted((0.0, 1.0, 0.0), 0.9)
    return [
        Part(lathe(profile), look.main),
        Part(spout.moved(x=radius * 0.6, z=height * 0.35), look.main, "spout"),
        Part(ring(radius * 0.5, 0.012, x=-radius * 1.05, z=height * 0.55), look.second, "handle"),
        Part(sphere(0.018, z=height), look.second, "lid"),
    ]


def candle(rng: np.random.Generator, look: Look) -> list[Part]:
    """A thin cylinder on a dish, with a wick."""
    radius, height = rng.uniform(0.025, 0.035), rng.uniform(0.12, 0.24)
    return [
        Part(rod(radius, height, z=0.01), look.main),
        Part(
            lathe([(radius * 1.6, 0.0), (radius * 2.4, 0.015), (radius, 0.012)]),
            look.second,
            "dish",
        ),
        Part(rod(0.004, 0.02, z=height + 0.01), look.second, "wick"),
    ]


def ball(rng: np.random.Generator, look: Look) -> list[Part]:
    """A sphere."""
    return [Part(sphere(rng.uniform(0.09, 0.15)), look.main)]


def book(rng: np.random.Generator, look: Look) -> list[Part]:
    """One lying book or a small pile, pages visible on three sides."""
    parts, z = [], 0.0
    for _ in range(int(rng.integers(1, 4))):
        width, depth = rng.uniform(0.14, 0.18), rng.uniform(0.2, 0.25)
        height, turn = rng.uniform(0.025, 0.045), rng.uniform(-0.3, 0.3)
        cover = [block(width, depth, 0.005, z=z), block(width, depth, 0.005, z=z + height - 0.005)]
        spine = block(0.006, depth, height, -width / 2, 0.0, z)
        pages = block(width * 0.95, depth * 0.95, height - 0.01, z=z + 0.005)
        parts += [Part(solid.moved(turn=turn), look.main, "cover") for solid in (*cover, spine)]
        parts.append(Part(pages.moved(turn=turn), look.second, "pages"))
        z += height
    return parts


def monitor(rng: np.random.Generator, look: Look) -> list[Part]:
    """A dark screen in a frame on a foot."""
    width, height = rng.uniform(0.45, 0.7), rng.uniform(0.28, 0.4)
    return [
        Part(block(width, 0.03, height, z=0.1), look.main, "frame"),
        Part(block(width - 0.04, 0.006, height - 0.04, y=0.016, z=0.12), look.second, "screen"),
        Part(block(0.05, 0.03, 0.15, y=-0.03), look.main, "foot"),
        Part(lathe([(0.12, 0.0), (0.11, 0.015)]), look.main, "foot"),
    ]


def pillow(rng: np.random.Generator, look: Look) -> list[Part]:
    """A flat soft square."""
    side = rng.uniform(0.36, 0.46)
    return [Part(cushion(side, side * rng.uniform(0.7, 1.0), 0.14), look.main)]


def picture(rng: np.random.Generator, look: Look) -> list[Part]:
    """A framed painting; its back lies in the plane y = 0, its middle at z = 0."""
    width, height = rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.7)
    return [
        Part(block(width, 0.03, height, y=0.015, z=-height / 2), look.second, "frame"),
        Part(
            block(width - 0.07, 0.01, height - 0.07, y=0.03, z=0.035 - height / 2),
            look.main,
            "painting",
        ),
    ]


def clock(rng: np.random.Generator, look: Look) -> list[Part]:
    """A round face with two hands; its back lies in the plane y = 0."""
    radius = rng.uniform(0.15, 0.22)
    face = lathe([(radius, 0.0), (radius, 0.02), (radius * 0.9, 0.03), (radius * 0.88, 0.02)])
    parts = [Part(face.tilted((1.0, 0.0, 0.0), -np.pi / 2), look.main, "face")]
    for length in (0.55, 0.8):
        hand = block(0.02, 0.008, radius * length, y=0.032)
        hand = hand.tilted((0.0, 1.0, 0.0), rng.uniform(0, 2 * np.pi))
        parts.append(Part(hand, look.second, "hand"))
    return parts
