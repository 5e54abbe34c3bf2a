"""Are keypoints of made-up photographs found again in their neighbours? What the objective `sparse` is for."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.benchmarks.seen_twice import neighbours
from condense_ns.data.posed_scene import PosedScene
from condense_ns.geometry.correspondence import DepthView, landing_places
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.metrics.repeatability import Landed, repeatability

KEYPOINTS = 128
"""Of a photograph."""
RADIUS = 0.01
"""Of a photograph's width, by which a keypoint may be off."""

Detector = Callable[[Float[Tensor, "3 rows columns"]], Keypoints2D]


def repeated_keypoints(scenes: Sequence[PosedScene], detector: Detector, every: int) -> float:
    """Mean repeatability over pairs of neighbouring training photographs; NaN without any.

    Args:
        scenes: with depth images.
        detector: finds keypoints.
        every: so-manieth photograph is the first one of a pair.
    """
    shares = []
    for scene in scenes:
        for views, (a, b) in neighbours(scene, scene.training, every):
            places = [_places(scene, view, detector) for view in views]
            width, height = scene.views.width, scene.views.height
            size = torch.tensor([float(width), float(height)])
            landed = [
                _landed(first, second, own, size)
                for first, second, own in ((a, b, places[0]), (b, a, places[1]))
            ]
            shares.append(repeatability(landed[0], landed[1], RADIUS * width))
    return float(torch.tensor(shares).nanmean())


def _places(scene: PosedScene, view: int, detector: Detector) -> Float[Tensor, "keypoints 2"]:
    """Of keypoints, from 0 to 1 across the photograph."""
    height, width = scene.photograph_size(view)
    return detector(scene.photograph(view)).pixels / torch.tensor([width, height])


def _landed(
    first: DepthView,
    second: DepthView,
    own: Float[Tensor, "keypoints 2"],
    size: Float[Tensor, "2"],
) -> Landed:
    """In pixels of working images."""
    places, shared = landing_places(first, second, own)
    return Landed(own * size, places * size, shared)
