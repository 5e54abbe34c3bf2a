"""Cameras for a made-up scene: in a circle, side by side, or along a walk.

Poses are OpenGL camera-to-world (x right, y up, looking along -z), metres.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from condense_ns.synthetic.scene import SyntheticScene

TrajectoryKind = Literal["orbit", "forward", "walk"]
FIELD_OF_VIEW = 70.0
"""Degrees, across the longer side."""
_CLEARANCE = 0.3  # units between a camera and any thing


@dataclass(frozen=True)
class SyntheticCamera:
    """A pinhole camera."""

    camera_to_world: Float[np.ndarray, "3 4"]
    """OpenGL pose."""
    focal: float
    """Pixels, both axes; the principal point is the middle."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""


def trajectory(
    scene: SyntheticScene, kind: TrajectoryKind, count: int, width: int, height: int, seed: int
) -> list[SyntheticCamera]:
    """Cameras in the order of the walk, none inside a thing.

    Args:
        scene: what they look at.
        kind: `orbit` circles around the focus, `forward` faces it from one side, `walk` goes through
            the room and looks where it goes.
        count: cameras.
        width: pixels.
        height: pixels.
        seed: of the small irregularities of a hand.
    """
    rng = np.random.default_rng((scene.seed, seed, 7))
    eyes, targets = {"orbit": _orbit, "forward": _forward, "walk": _walk}[kind](scene, count, rng)
    focal = max(width, height) / 2 / np.tan(np.radians(FIELD_OF_VIEW / 2))
    boxes = np.stack([placed.bounds() for placed in scene.placed[3:]])
    gap = _CLEARANCE * _unit(scene)
    return [
        SyntheticCamera(_looking(_clear(eye, boxes, gap), target), float(focal), width, height)
        for eye, target in zip(eyes, targets, strict=True)
    ]


Path3D = tuple[Float[np.ndarray, "cameras 3"], Float[np.ndarray, "cameras 3"]]


def _orbit(scene: SyntheticScene, count: int, rng: np.random.Generator) -> Path3D:
    """Around a table at arm's length, around a room near its walls, around a thing so that it fills pictures."""
    angles = np.linspace(0.0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 2 * np.pi)
    focus, unit = np.array(scene.focus), _unit(scene)
    if scene.kind == "tabletop":
        radius = 1.15 + 0.15 * np.sin(3 * angles)
        rise = 0.55 + 0.2 * np.sin(2 * angles + 1.0)
        reach = np.stack([radius, radius], axis=1)
    elif scene.kind == "thing":
        reach = unit * (1.0 + 0.15 * np.sin(3 * angles))[:, None]
        rise = unit * (0.45 + 0.3 * np.sin(2 * angles + 1.0))
    else:
        half = np.array(scene.room[:2]) / 2
        reach = half * (0.72 + 0.06 * np.sin(3 * angles))[:, None]
        rise = 0.9 + 0.15 * np.sin(2 * angles + 1.0)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach
    eyes = focus + np.column_stack([around, rise]) + unit * rng.normal(0, 0.02, (count, 3))
    return eyes, np.tile(focus, (count, 1)) + unit * rng.normal(0, 0.08, (count, 3))


def _forward(scene: SyntheticScene, count: int, rng: np.random.Generator) -> Path3D:
    """A meandering wall of cameras that all look the same way."""
    focus, unit = np.array(scene.focus), _unit(scene)
    direction = rng.uniform(0, 2 * np.pi)
    back = np.array([np.cos(direction), np.sin(direction), 0.0])
    side = np.array([-back[1], back[0], 0.0])
    distance = 0.36 * min(scene.room[:2]) if scene.kind == "room" else 1.2 * unit
    phase = np.linspace(0.0, 1.0, count)
    across = 0.45 * unit * np.sin(2 * np.pi * 3 * phase)
    up = unit * (0.45 + 0.25 * np.cos(2 * np.pi * phase))
    eyes = focus + back * distance + across[:, None] * side
    eyes[:, 2] += up
    return eyes, focus + 0.4 * across[:, None] * side + unit * rng.normal(0, 0.03, (count, 3))


def _walk(scene: SyntheticScene, count: int, rng: np.random.Generator) -> Path3D:
    """Once through the room on a flat figure of eight, looking ahead and down a little."""
    half = np.array(scene.room[:2]) / 2
    phase = np.linspace(0.0, 2 * np.pi, count, endpoint=False) + rng.uniform(0, 2 * np.pi)

    def place(at: Float[np.ndarray, " cameras"]) -> Float[np.ndarray, "cameras 2"]:
        return np.stack([0.6 * half[0] * np.sin(at), 0.62 * half[1] * np.sin(2 * at)], axis=1)

    height = 1.45 + 0.06 * np.sin(5 * phase)
    ahead = place(phase + 0.5) - place(phase)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    eyes = np.column_stack([place(phase), height])
    targets = eyes + np.column_stack([ahead * 1.5, np.full(count, -0.5)])
    return eyes, targets + rng.normal(0, 0.03, (count, 3))


def _unit(scene: SyntheticScene) -> float:
    """Metres that distances to things are counted in: one, but the size of a thing that is alone."""
    if scene.kind != "thing":
        return 1.0
    return float(np.linalg.norm(np.diff(scene.placed[-1].bounds(), axis=0)))


def _clear(
    eye: Float[np.ndarray, " 3"], boxes: Float[np.ndarray, "things 2 3"], gap: float
) -> Float[np.ndarray, " 3"]:
    """The nearest place above that keeps its distance from all things."""
    raised = eye.copy()
    for _ in range(len(boxes)):
        near = (raised > boxes[:, 0] - gap) & (raised < boxes[:, 1] + gap)
        inside = near.all(axis=1)
        if not inside.any():
            break
        raised[2] = boxes[inside, 1, 2].max() + gap + 1e-6
    return raised


def _looking(
    eye: Float[np.ndarray, " 3"], target: Float[np.ndarray, " 3"]
) -> Float[np.ndarray, "3 4"]:
    """The pose of an upright camera."""
    backwards = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross([0.0, 0.0, 1.0], backwards)
    right /= np.linalg.norm(right)
    return np.column_stack([right, np.cross(backwards, right), backwards, eye])
