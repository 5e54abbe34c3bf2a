"""Keypoints of one photograph."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Keypoints2D:
    """The keypoints of one photograph, best first."""

    pixels: Float[Tensor, "keypoints 2"]
    """Continuous (x, y), first pixel centre 0.5."""
    scores: Float[Tensor, " keypoints"]
    """In [0, 1]."""
    descriptors: Float[Tensor, "keypoints channels"]
    """Unit vectors."""

    def __len__(self) -> int:
        """Number of keypoints."""
        return len(self.pixels)
