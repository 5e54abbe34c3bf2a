"""A `condensing` that finds three points of the board without looking."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.keypoint_set import Keypoints3D, Observations, SeenView

TO_DATASET = Similarity(
    torch.eye(3, dtype=torch.float64), torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), 2.0
)


def made_up_keypoints(count: int = 3) -> Keypoints3D:
    """Keypoints in the model's frame, whose unit is two of the dataset's; one view sees all."""
    camera = Camera(
        camera_to_world=torch.eye(3, 4),
        focal=torch.tensor([50.0, 50.0]),
        centre=torch.tensor([32.0, 24.0]),
        distortion=torch.zeros(6),
        width=64,
        height=48,
        fisheye=False,
    )
    numbers = torch.arange(count)
    return Keypoints3D(
        xyz=torch.stack([numbers / 10.0, numbers * 0.0, numbers * 0.0 - 1.0], dim=1).double(),
        scores=1.0 - numbers / 10.0,
        descriptors={"match": torch.eye(4)[:1].expand(count, 4)},
        colours=torch.full((count, 3), 0.5),
        normals=torch.tensor([[0.0, 0.0, 1.0]]).expand(count, 3),
        scales=torch.full((count,), 0.1),
        uncertainty=torch.full((count,), 0.01),
        observations=Observations(
            numbers,
            torch.zeros(count, dtype=torch.int64),
            torch.stack([32.0 + 5.0 * numbers, numbers * 0.0 + 24.0], dim=1),
        ),
        views=(SeenView("images/000.png", camera, camera.camera_to_world),),
        frame="model",
        to_dataset=TO_DATASET,
    )


@dataclass
class CondenseOptions:
    """What the command asks for."""

    count: int
    radius: float | None
    min_score: float
    crop: tuple[float, float, float, float, float, float] | None
    adjust_poses: bool


class RunWithHead:
    """A run as the command sees it."""

    def __init__(self, pipeline: Any) -> None:
        self.model, self.config = pipeline.model, pipeline.config

    def detector(self) -> "RunWithHead":
        """What has the head."""
        return self

    def save(self, path: Path) -> None:
        """The head's file."""
        path.write_text("head")


class MadeUpCondensing(ModuleType):
    """In place of the module; remembers what it was asked for."""

    CondenseOptions = CondenseOptions

    def __init__(self) -> None:
        super().__init__("condense_ns.pipelines.condensing")
        self.asked: CondenseOptions | None = None

    def with_keypoints(self, pipeline: Any) -> Any:
        """A stand-in for any run: the run, with a head that is a word in a file."""
        return RunWithHead(pipeline)

    def condense(self, _pipeline: Any, options: CondenseOptions) -> Keypoints3D:
        """As many as asked for, three at most; none of a score above 1 - 1e-6."""
        self.asked = options
        return made_up_keypoints(0 if options.min_score == 1.0 else min(options.count, 3))
