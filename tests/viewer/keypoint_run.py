"""A pipeline that says its scene is a grid of keypoints."""

from collections.abc import Callable

import torch

from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.keypoint_set import Keypoints3D, Observations, SeenView
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from tests.training import COLOURS
from tests.viewer.made_up_scene import BLUE, RED

SIDE = 24


class KeypointPipeline(FeaturePipeline):
    """The host's pipeline, with a panel that knows keypoints."""

    def keypoint_source(self) -> Callable[[], Keypoints3D]:
        """The grid."""
        return self.condense

    def condense(self) -> Keypoints3D:
        """SIDE x SIDE keypoints about the origin, which the viewer looks at first."""
        steps = torch.linspace(-0.08, 0.08, SIDE, dtype=torch.float64)
        x, y = torch.meshgrid(steps, steps, indexing="xy")
        xyz = torch.stack([x, y, -0.5 * (x + y)], dim=-1).reshape(-1, 3)
        colours = torch.where(xyz[:, :1] < 0, RED, BLUE)
        numbers = torch.arange(len(xyz))
        camera = Camera(
            torch.eye(4)[:3], torch.ones(2), torch.ones(2), torch.zeros(6), width=2, height=2
        )
        return Keypoints3D(
            xyz=xyz,
            scores=torch.linspace(1.0, 0.0, len(xyz)),
            descriptors={COLOURS: colours},
            colours=colours,
            normals=torch.zeros(len(xyz), 3),
            scales=torch.full((len(xyz),), 0.1),
            uncertainty=torch.full((len(xyz),), 0.01),
            observations=Observations(numbers, numbers * 0, torch.ones(len(xyz), 2)),
            views=(SeenView("images/000.png", camera, camera.camera_to_world),),
            frame="model",
            to_dataset=Similarity.identity(),
        )
