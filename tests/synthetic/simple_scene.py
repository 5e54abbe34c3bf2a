"""Scenes of a few solids for which the picture can be worked out by hand."""

import numpy as np

from condense_ns.synthetic.materials import Material
from condense_ns.synthetic.parts import Part
from condense_ns.synthetic.scene import Instance, Light, Placed, SyntheticScene
from condense_ns.synthetic.solids import Solid, block
from condense_ns.synthetic.trajectories import SyntheticCamera

GREY = (0.5, 0.5, 0.5)
RED = (0.8, 0.2, 0.1)
ROOM = (6.0, 4.0, 3.0)
LAMP, AMBIENT = (0.6, 0.5, 0.4), (0.3, 0.2, 0.1)


def matt(colour: tuple[float, float, float] = GREY, gloss: float = 0.0) -> Material:
    """One colour without a pattern."""
    return Material("plain", colour, colour, 0.1, gloss)


def one(class_name: str, solid: Solid, material: Material | None = None, **place: float) -> Placed:
    """A thing of one part."""
    instance = Instance(f"{class_name}-of-test", class_name, "grey", "plain")
    return Placed(instance, (Part(solid, material or matt()),), **place)


def scene_of(*things: Placed, lamp: tuple[float, float, float] = (0.0, 0.0, 2.5)) -> SyntheticScene:
    """A room of 6 x 4 x 3 metres with these things in it; numbers 1 to 3 are floor, wall, ceiling."""
    width, depth, height = ROOM
    walls = [block(0.1, depth, height, x=side * (width + 0.1) / 2) for side in (-1, 1)]
    walls += [block(width, 0.1, height, y=side * (depth + 0.1) / 2) for side in (-1, 1)]
    wall = Instance("wall-of-test", "wall", "grey", "plain")
    shell = (
        one("floor", block(width + 0.2, depth + 0.2, 0.1, z=-0.1)),
        Placed(wall, tuple(Part(solid, matt()) for solid in walls)),
        one("ceiling", block(width + 0.2, depth + 0.2, 0.1, z=height)),
    )
    light = Light(lamp, LAMP, AMBIENT)
    return SyntheticScene(0, "room", (*shell, *things), light, ROOM, (0.0, 0.0, 0.6))


def camera_at(
    eye: tuple[float, float, float],
    back: tuple[float, float, float],
    width: int = 33,
    height: int = 25,
) -> SyntheticCamera:
    """A camera whose picture's x axis is `right`, looking against `back` (a unit vector).

    It is upright unless it looks straight down; then the picture's right is +x. The field of view is 90
    degrees across the width.
    """
    backwards = np.array(back)
    up = np.array([0.0, 1.0, 0.0]) if abs(backwards[2]) == 1.0 else np.array([0.0, 0.0, 1.0])
    right = np.cross(up, backwards)
    pose = np.column_stack([right, np.cross(backwards, right), backwards, np.array(eye)])
    return SyntheticCamera(pose, width / 2, width, height)


def looking_down(x: float, y: float, z: float, **size: int) -> SyntheticCamera:
    """A camera over a place, looking at it; the picture's right is +x and its top +y."""
    return camera_at((x, y, z), (0.0, 0.0, 1.0), **size)


def looking_along_x(x: float, y: float, z: float, **size: int) -> SyntheticCamera:
    """A camera that looks towards +x."""
    return camera_at((x, y, z), (-1.0, 0.0, 0.0), **size)
