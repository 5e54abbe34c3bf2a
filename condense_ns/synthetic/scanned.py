"""Single things and rooms as if scanned from all sides: points with exact labels, boxes around things."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64

from condense_ns.synthetic.catalogue import thing
from condense_ns.synthetic.part_names import PART_NAMES
from condense_ns.synthetic.procedural_scene import light, make_scene
from condense_ns.synthetic.scene import Placed, SyntheticScene
from condense_ns.synthetic.scene_folder import oriented_box
from condense_ns.synthetic.surface_points import SurfacePoints, surface_points

EYES_OF_THING, EYES_OF_ROOM = 16, 10
"""Places from which a thing and a room are looked at."""
_AROUND = 3.0  # distance of eyes from a thing, as multiples of its size
_ROOM = (4.0, 4.0, 2.5)


@dataclass(frozen=True)
class ScannedThing:
    """A thing alone."""

    points: SurfacePoints
    """Metres, in the thing's own space: z up, its front towards +y."""
    part_names: Int64[np.ndarray, " points"]
    """Place in `PART_NAMES` of its class."""


@dataclass(frozen=True)
class ScannedRoom:
    """A furnished room."""

    points: SurfacePoints
    """Metres, z up."""
    boxes: Float[np.ndarray, "instances 7"]
    """Around each thing, seen or not: centre, size, turn about the vertical in radians."""
    class_names: tuple[str, ...]
    """Of each thing."""


def scanned_thing(seed: tuple[int, ...], class_name: str, count: int) -> ScannedThing:
    """A thing that the same seed makes again.

    Args:
        seed: numbers from 0.
        class_name: one of the catalogue's.
        count: points.
    """
    placed = thing(seed, class_name)
    low, high = placed.bounds()
    rng = np.random.default_rng((*seed, 17))
    away = rng.normal(size=(EYES_OF_THING, 3))
    away *= _AROUND * np.linalg.norm(high - low) / np.linalg.norm(away, axis=1, keepdims=True)
    scene = SyntheticScene(seed[-1], "room", (placed,), light(rng, _ROOM), _ROOM, (0.0, 0.0, 0.0))
    points = surface_points(scene, (low + high) / 2 + away, count, seed=0)
    names = PART_NAMES[class_name]
    of_part = np.array([names.index(part.name) for part in placed.parts])
    return ScannedThing(points, of_part[points.parts])


def scanned_room(seed: int, count: int) -> ScannedRoom:
    """The room of a seed, seen from places above its floor.

    Args:
        seed: as for `make_scene`.
        count: points.
    """
    scene = make_scene(seed, "room")
    rng = np.random.default_rng((seed, 19))
    half = np.array(scene.room[:2]) / 2
    across = rng.uniform(-0.8, 0.8, (EYES_OF_ROOM, 2)) * half
    eyes = np.column_stack([across, rng.uniform(1.2, 2.1, EYES_OF_ROOM)])
    return ScannedRoom(
        surface_points(scene, eyes, count, seed=0),
        np.stack([_box(placed) for placed in scene.placed]),
        tuple(placed.instance.class_name for placed in scene.placed),
    )


def _box(placed: Placed) -> Float[np.ndarray, " 7"]:
    box = oriented_box(placed)
    return np.array([*box["centre"], *box["size"], box["turn"]])
