"""Where things go so that they stand on something and not in each other."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from condense_ns.synthetic.scene import Placed

_TRIES = 40
_GAP = 0.04  # metres between things


class Arrangement:
    """Things placed so far. A thing for which there is no room is left out."""

    def __init__(
        self,
        rng: np.random.Generator,
        room: tuple[float, float, float],
        shell: list[Placed],
    ) -> None:
        self._rng, self._room = rng, room
        self.placed = list(shell)
        self._boxes: list[Float[np.ndarray, "2 3"]] = []

    def of_class(self, name: str) -> list[Placed]:
        """The things of one class that are there."""
        return [placed for placed in self.placed if placed.instance.class_name == name]

    def in_the_middle(self, made: Placed) -> Placed:
        """In the middle of the floor."""
        return self.keep(made)

    def in_the_open(self, made: Placed) -> Placed:
        """Anywhere on the floor, more likely near the middle."""
        half = np.array(self._room[:2]) / 2

        def anywhere() -> Placed:
            x, y = self._rng.uniform(-0.7, 0.7, 2) * half
            return replace(made, x=float(x), y=float(y), turn=float(self._rng.uniform(0, 6.28)))

        return self._first_free(made, anywhere)

    def along_wall(self, made: Placed) -> Placed:
        """With its back to a wall."""
        back = -made.bounds()[0, 1]

        def at_a_wall() -> Placed:
            x, y, turn = self._wall_place(float(back) + 0.01, 0.85)
            return replace(made, x=x, y=y, turn=turn)

        return self._first_free(made, at_a_wall)

    def on_wall(self, made: Placed) -> Placed:
        """Hung on a wall at the height of the eyes."""

        def hung() -> Placed:
            x, y, turn = self._wall_place(0.0, 0.7)
            return replace(made, x=x, y=y, z=float(self._rng.uniform(1.4, 1.7)), turn=turn)

        return self._first_free(made, hung)

    def on_top(self, made: Placed, bearing: list[Placed]) -> Placed:
        """On the upper face of one of the things."""

        def upon() -> Placed:
            below = bearing[int(self._rng.integers(len(bearing)))]
            half = replace(below, x=0.0, y=0.0, turn=0.0).bounds()[1, :2]
            along, across = self._rng.uniform(-0.62, 0.62, 2) * half
            x = below.x + along * np.cos(below.turn) - across * np.sin(below.turn)
            y = below.y + along * np.sin(below.turn) + across * np.cos(below.turn)
            height, turn = float(below.bounds()[1, 2]) + 0.001, float(self._rng.uniform(0, 6.28))
            return replace(made, x=float(x), y=float(y), z=height, turn=turn)

        return self._first_free(made, upon) if bearing else made

    def on_seat(self, made: Placed, seat: Placed) -> Placed:
        """Leaning at the back of a sofa, or at the head of a bed."""
        side = float(self._rng.uniform(-0.3, 0.3))
        is_bed = seat.instance.class_name == "bed"
        forward, height = (-0.65, 0.53) if is_bed else (-0.05, 0.46)
        x = seat.x + side * np.cos(seat.turn) - forward * np.sin(seat.turn)
        y = seat.y + side * np.sin(seat.turn) + forward * np.cos(seat.turn)
        return self.keep(replace(made, x=float(x), y=float(y), z=height, turn=seat.turn + side))

    def _wall_place(self, distance: float, share: float) -> tuple[float, float, float]:
        """A place at a distance from a random wall, turned into the room."""
        width, depth, _ = self._room
        along = float(self._rng.uniform(-share, share))
        wall = int(self._rng.integers(4))
        x, y, turn = (
            (along * width / 2, distance - depth / 2, 0.0),
            (along * width / 2, depth / 2 - distance, np.pi),
            (distance - width / 2, along * depth / 2, -np.pi / 2),
            (width / 2 - distance, along * depth / 2, np.pi / 2),
        )[wall]
        return float(x), float(y), float(turn)

    def _first_free(self, made: Placed, somewhere: Callable[[], Placed]) -> Placed:
        for _ in range(_TRIES):
            tried = somewhere()
            if self._is_free(tried.bounds()):
                return self.keep(tried)
        return made

    def keep(self, placed: Placed) -> Placed:
        """Remember a thing where it is; nothing will be put into it."""
        self.placed.append(placed)
        self._boxes.append(placed.bounds())
        return placed

    def _is_free(self, box: Float[np.ndarray, "2 3"]) -> bool:
        half = np.array(self._room[:2]) / 2
        if (box[0, :2] < -half - 1e-6).any() or (box[1, :2] > half + 1e-6).any():
            return False
        return not any(
            (box[0] < other[1] + [_GAP, _GAP, 0]).all()
            and (box[1] > other[0] - [_GAP, _GAP, 0]).all()
            for other in self._boxes
        )
