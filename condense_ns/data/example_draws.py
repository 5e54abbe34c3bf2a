"""Which scene, target and sources a step of training looks at: a function of seed, step and place.

All ranks of a run together look at ``slots`` examples per step, whether they are many ranks with one
example each or one rank with all of them: an example depends on its slot alone. With at least as many
scenes as slots each slot has scenes of its own, so that a rank opens only its share of the scenes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Scene = TypeVar("Scene")


@dataclass(frozen=True)
class Slots:
    """The examples of one rank among those of all ranks."""

    rank: int
    """Of this process."""
    world_size: int
    """Processes."""
    per_rank: int
    """Examples per step and process."""

    @property
    def total(self) -> int:
        """Examples per step of all ranks."""
        return self.world_size * self.per_rank

    @property
    def own(self) -> range:
        """Slots of this rank."""
        return range(self.rank * self.per_rank, (self.rank + 1) * self.per_rank)

    def share(self, scenes: Sequence[Scene], slot: int) -> Sequence[Scene]:
        """The scenes that a slot draws from."""
        return scenes[slot :: self.total] if len(scenes) >= self.total else scenes

    def own_scenes(self, scenes: Sequence[Scene]) -> list[Scene]:
        """The scenes that this rank ever opens for training."""
        wanted = {at for slot in self.own for at in self.share(range(len(scenes)), slot)}
        return [scenes[at] for at in sorted(wanted)]


def draw_generator(seed: int, step: int, slot: int) -> np.random.Generator:
    """Everything random about one example comes from this generator."""
    return np.random.default_rng([seed, step, slot])
