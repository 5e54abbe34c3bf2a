"""A made-up scene: things in a room, one light. Metres, z up, the origin in the middle of the floor."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from condense_ns.synthetic.parts import Part
from condense_ns.synthetic.solids import Solid


@dataclass(frozen=True)
class Instance:
    """One thing and the words for it."""

    identity: str
    """Tells it from every other thing ever made; two scenes share it only if the thing is the same."""
    class_name: str
    """One of `CLASS_NAMES`."""
    colour: str
    """One of `COLOURS`."""
    pattern: str
    """One of `PATTERNS`."""

    @property
    def caption(self) -> str:
        """For example "a red striped chair"."""
        pattern = "" if self.pattern == "plain" else f"{self.pattern} "
        article = "an" if self.colour == "orange" else "a"
        return f"{article} {self.colour} {pattern}{self.class_name}"


@dataclass(frozen=True)
class Placed:
    """A thing at its place."""

    instance: Instance
    parts: tuple[Part, ...]
    """In the thing's own space."""
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    turn: float = 0.0
    """About the vertical axis, radians."""

    def solids(self) -> list[Solid]:
        """The parts' meshes in the room."""
        return [part.solid.moved(self.x, self.y, self.z, self.turn) for part in self.parts]

    def bounds(self) -> Float[np.ndarray, "2 3"]:
        """Lowest and highest corner of the box around it, in the room."""
        points = np.concatenate([part.solid.points for part in self.parts])
        sine, cosine = np.sin(self.turn), np.cos(self.turn)
        across = points[:, 0] * cosine - points[:, 1] * sine
        along = points[:, 0] * sine + points[:, 1] * cosine
        place = np.array([self.x, self.y, self.z])
        low = np.array([across.min(), along.min(), points[:, 2].min()])
        high = np.array([across.max(), along.max(), points[:, 2].max()])
        return np.stack([low, high]) + place


@dataclass(frozen=True)
class Light:
    """A lamp near the ceiling that throws shadows, and the light from all around."""

    position: tuple[float, float, float]
    """Metres."""
    colour: tuple[float, float, float]
    """Linear RGB; 1 lights a facing white surface fully."""
    ambient: tuple[float, float, float]
    """Linear RGB."""


@dataclass(frozen=True)
class SyntheticScene:
    """Everything that a photograph of it depends on."""

    seed: int
    kind: str
    """`room`, `tabletop` or `thing`."""
    placed: tuple[Placed, ...]
    """Floor, walls and ceiling first. Instance maps hold the place in this list plus one."""
    light: Light
    room: tuple[float, float, float]
    """Width, depth and height inside."""
    focus: tuple[float, float, float]
    """What the cameras circle around."""
    time: int = 0
    """How often it has been met before; see `near_duplicate`."""

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The things, in the order of the instance maps."""
        return tuple(placed.instance for placed in self.placed)

    @property
    def scenery(self) -> int:
        """How many of the first of `placed` are only there to be photographed: all around a lone thing."""
        return len(self.placed) - 1 if self.kind == "thing" else 0

    @property
    def caption(self) -> str:
        """The place and the things in it, without floor, walls and ceiling; of a lone thing, its own."""
        if self.kind == "thing":
            return self.instances[-1].caption
        place = "a room" if self.kind == "room" else "a table"
        things = [instance.caption for instance in self.instances[3:]]
        listed = ", ".join(things[:-1]) + (" and " if len(things) > 1 else "") + things[-1]
        return f"{place} with {listed}"
