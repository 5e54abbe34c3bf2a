"""Surfaces: two colours, and a pattern in the thing's own space that mixes them.

A pattern is a function of position p (metres): 0 gives the first colour, 1 the second. It fades to its
mean where a pixel covers more than half a period, so that distant floors do not shimmer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float, Int

from condense_ns.synthetic.vocabulary import COLOURS, PATTERNS

Mixture = Float[np.ndarray, " pixels"]
Positions = Float[np.ndarray, "3 pixels"]


@dataclass(frozen=True)
class Material:
    """What a part is made of."""

    pattern: str
    """One of `PATTERNS`."""
    first: tuple[float, float, float]
    """Linear RGB in [0, 1], the colour that names the material."""
    second: tuple[float, float, float]
    """Linear RGB in [0, 1] of the pattern."""
    period: float
    """Size of the pattern, metres."""
    gloss: float
    """Strength of the highlight, 0 is matt."""


def material(rng: np.random.Generator, colour: str, pattern: str, period: float) -> Material:
    """A material of a named colour, a little different each time."""
    base = np.asarray(COLOURS[colour])
    first = np.clip(base * rng.uniform(0.85, 1.15) + rng.normal(0.0, 0.015, 3), 0.02, 0.95)
    strong = pattern in ("striped", "checkered", "spotted")
    lighter = bool(first.mean() < 0.45)
    contrast = rng.uniform(0.45, 0.7) if strong else rng.uniform(0.2, 0.35)
    second = first + (1.0 - first) * contrast if lighter else first * (1.0 - contrast)
    gloss = float(rng.choice([0.0, 0.0, 0.15, 0.4]))
    return Material(pattern, _triple(first), _triple(second), period, gloss)


def mixtures(
    pattern: Int[np.ndarray, " pixels"],
    position: Positions,
    period: Float[np.ndarray, " pixels"],
    footprint: Float[np.ndarray, " pixels"],
) -> Mixture:
    """How much of the second colour each pixel shows, in [0, 1].

    Args:
        pattern: place in `PATTERNS`.
        position: metres, in the thing's own space.
        period: metres.
        footprint: size of a pixel on the surface, metres.
    """
    scaled = position / period
    mixed = np.empty(len(pattern), np.float32)
    for number, name in enumerate(PATTERNS):
        chosen = np.flatnonzero(pattern == number)
        if len(chosen):
            mean, draw = _DRAWN[name]
            sharpness = np.clip(1.0 - (footprint[chosen] / period[chosen] - 0.25) * 2.0, 0.0, 1.0)
            mixed[chosen] = mean + (draw(scaled[:, chosen]) - mean) * sharpness
    return mixed


def _waves(p: Positions, seed: int, frequency: float, count: int) -> Mixture:
    """Smooth noise around 0, about in [-1, 1]: a few waves in random directions."""
    directions, phases = _directions_and_phases(seed, frequency, count)
    return np.sin(directions @ p + phases).sum(axis=0) * np.float32(0.8 / np.sqrt(count))


@cache
def _directions_and_phases(
    seed: int, frequency: float, count: int
) -> tuple[Float[np.ndarray, "count 3"], Float[np.ndarray, "count 1"]]:
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 3)).astype(np.float32) * np.float32(frequency)
    return directions, rng.uniform(0.0, 2 * np.pi, (count, 1)).astype(np.float32)


def _plain(p: Positions) -> Mixture:
    return 0.2 + 0.1 * _waves(p, 1, 2.0, 3) + 0.1 * _waves(p, 2, 9.0, 3)


def _striped(p: Positions) -> Mixture:
    return _step(np.sin(2 * np.pi * (p[0] + p[2])) * 4.0)


def _checkered(p: Positions) -> Mixture:
    x, y, z = np.sin(np.pi * p + 0.3)
    return _step(x * y * z * 14.0)


def _spotted(p: Positions) -> Mixture:
    cell = p - np.floor(p) - 0.5
    return _step((0.09 - (cell * cell).sum(axis=0)) * 60.0)


def _wooden(p: Positions) -> Mixture:
    bent = p[1] * 3.0 + 0.6 * _waves(p * _column(0.3, 1.0, 1.0), 3, 1.5, 3)
    grain = 0.5 + 0.5 * np.sin(2 * np.pi * bent)
    return 0.75 * grain + 0.12 + 0.12 * _waves(p * _column(1.0, 8.0, 8.0), 4, 3.0, 2)


def _marbled(p: Positions) -> Mixture:
    veins = np.sin(2.0 * np.pi * p[0] + 2.5 * _waves(p, 5, 2.5, 4) + _waves(p, 6, 7.0, 3))
    return (1.0 - np.abs(veins)) ** 2


def _woven(p: Positions) -> Mixture:
    x, y, z = np.sin(2 * np.pi * p * 2.0)
    return 0.5 + 0.25 * (x - y + z) * 0.7


def _column(x: float, y: float, z: float) -> Float[np.ndarray, "3 1"]:
    return np.array([[x], [y], [z]], np.float32)


def _step(values: Mixture) -> Mixture:
    """0 below zero, 1 above, with a soft edge."""
    return np.clip(values + 0.5, 0.0, 1.0)


_DRAWN: dict[str, tuple[float, Callable[[Positions], Mixture]]] = {
    "plain": (0.2, _plain),
    "striped": (0.5, _striped),
    "checkered": (0.5, _checkered),
    "spotted": (0.14, _spotted),
    "wooden": (0.5, _wooden),
    "marbled": (0.2, _marbled),
    "woven": (0.5, _woven),
}
"""Mean and drawing of each pattern."""


def _triple(values: Float[np.ndarray, " 3"]) -> tuple[float, float, float]:
    return (float(values[0]), float(values[1]), float(values[2]))
