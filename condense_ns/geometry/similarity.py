"""A rotation, a translation and one scale: how the coordinates of a run and of its dataset differ.

nerfstudio's data parsers move a dataset by x_model = s (R x_dataset + t), with R, t and s in
``dataparser_transforms.json``. All of it in double precision, so that there and back is exact to
fifteen digits.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor


@dataclass(frozen=True)
class Similarity:
    """x -> scale * rotation @ x + translation."""

    rotation: Float64[Tensor, "3 3"]
    """Orthogonal, determinant 1; that of a data parser only in single precision."""
    translation: Float64[Tensor, "3"]
    """In units of the coordinates that come out."""
    scale: float
    """Above 0."""

    @classmethod
    def identity(cls) -> "Similarity":
        """Leaves everything where it is."""
        return cls(torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 1.0)

    @classmethod
    def of_dataparser(cls, transform: Float[Tensor, "3 4"], scale: float) -> "Similarity":
        """What a data parser did: moves points of the dataset into the model's frame.

        Args:
            transform: R and t.
            scale: s.
        """
        moved = transform.double()
        return cls(moved[:, :3], scale * moved[:, 3], scale)

    def inverse(self) -> "Similarity":
        """The way back."""
        scale = 1.0 / self.scale
        # Not the transpose: the way back stays exact if the rotation was rounded.
        rotation = torch.linalg.inv(self.rotation)
        return Similarity(rotation, -scale * (rotation @ self.translation), scale)

    def points(self, points: Float64[Tensor, "points 3"]) -> Float64[Tensor, "points 3"]:
        """Moved points."""
        return self.scale * points @ self.rotation.T + self.translation

    def directions(self, vectors: Float64[Tensor, "vectors 3"]) -> Float64[Tensor, "vectors 3"]:
        """Turned vectors, of unchanged length."""
        return vectors @ self.rotation.T

    def pose(self, camera_to_world: Float[Tensor, "3 4"]) -> Float64[Tensor, "3 4"]:
        """A moved camera; its axes keep their length.

        In double precision whatever comes in, as a dataset may lie far from its origin.
        """
        pose = camera_to_world.double()
        centre = self.points(pose[None, :, 3])
        turned = self.rotation @ pose[:, :3]
        return torch.cat([turned, centre.T], dim=1)
