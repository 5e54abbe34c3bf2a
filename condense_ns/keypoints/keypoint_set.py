"""A decorated keypoint set: a scene condensed into points, each with what is known of it.

Positions and everything measured in lengths are in one frame: that of the dataset's own poses
(``dataset``), or the model's, whose unit is the scene unit of the trained run (``model``).
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity

Frame = Literal["dataset", "model"]
HEAD = "head"
"""Name of the descriptors of the 2D head."""
HEAD_NAME = "keypoint_head.safetensors"
"""File of that head, beside the file of a set."""


@dataclass(frozen=True)
class SeenView:
    """A photograph that saw keypoints."""

    name: str
    """File name, relative to the folder that holds the photographs."""
    camera: Camera
    """Pose and lens, in the frame of the set, where they agree with the keypoints."""
    given_pose: Float[Tensor, "3 4"]
    """OpenGL pose that the dataset gives it; differs from the camera's where the dataset drifts."""


@dataclass(frozen=True)
class Observations:
    """Which keypoint was seen where: one entry for each view that sees a keypoint."""

    keypoints: Int64[Tensor, " observations"]
    """Numbers of keypoints."""
    views: Int64[Tensor, " observations"]
    """Numbers of views."""
    pixels: Float[Tensor, "observations 2"]
    """Where the keypoint was detected (first pixel centre 0.5)."""

    def of(self, kept: Bool[Tensor, " keypoints"]) -> "Observations":
        """Those of the keypoints that are kept, which are numbered anew."""
        numbers = kept.long().cumsum(0) - 1
        chosen = kept[self.keypoints]
        return Observations(
            numbers[self.keypoints[chosen]], self.views[chosen], self.pixels[chosen]
        )


@dataclass(frozen=True)
class Keypoints3D:
    """The points of one scene, best first."""

    xyz: Float64[Tensor, "keypoints 3"]
    """Positions."""
    scores: Float[Tensor, " keypoints"]
    """In [0, 1]."""
    descriptors: dict[str, Float[Tensor, "keypoints _"]]
    """Unit vectors by name: those of the 2D head for matching, and of each encoder by its spec."""
    colours: Float[Tensor, "keypoints 3"]
    """RGB in [0, 1]."""
    normals: Float[Tensor, "keypoints 3"]
    """Unit vectors, out of the surface; zero where unknown."""
    scales: Float[Tensor, " keypoints"]
    """Radius of what a descriptor describes, a length."""
    uncertainty: Float[Tensor, " keypoints"]
    """Standard deviation of the position along its worst direction, a length."""
    observations: Observations
    """What was seen where."""
    views: tuple[SeenView, ...]
    """The photographs that `observations` count by."""
    frame: Frame
    """Whose coordinates these are."""
    to_dataset: Similarity
    """Moves points of the model's frame into the dataset's."""

    def __len__(self) -> int:
        """Number of keypoints."""
        return len(self.xyz)

    def chosen(self, kept: Bool[Tensor, " keypoints"]) -> "Keypoints3D":
        """The keypoints that are kept, in their order, with what was seen of them."""
        per_point = {
            name: getattr(self, name)[kept]
            for name in ("xyz", "scores", "colours", "normals", "scales", "uncertainty")
        }
        descriptors = {name: values[kept] for name, values in self.descriptors.items()}
        return replace(
            self,
            **per_point,
            descriptors=descriptors,
            observations=self.observations.of(kept),
        )

    def strongest(self, count: int) -> "Keypoints3D":
        """The first `count` keypoints."""
        return self.chosen(torch.arange(len(self)) < count)

    def in_frame(self, frame: Frame) -> "Keypoints3D":
        """The same set in the coordinates of `frame`."""
        if frame == self.frame:
            return self
        move = self.to_dataset if frame == "dataset" else self.to_dataset.inverse()
        return replace(
            self,
            xyz=move.points(self.xyz),
            normals=move.directions(self.normals.double()).float(),
            scales=self.scales * move.scale,
            uncertainty=self.uncertainty * move.scale,
            views=tuple(_moved(view, move) for view in self.views),
            frame=frame,
        )


def _moved(view: SeenView, move: Similarity) -> SeenView:
    camera = replace(view.camera, camera_to_world=move.pose(view.camera.camera_to_world))
    return replace(view, camera=camera, given_pose=move.pose(view.given_pose))
