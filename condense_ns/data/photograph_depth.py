"""Depth of a scene's photographs from one another: for scenes with neither depth images nor points.

Nothing is learned; each view is compared with its neighbours (`geometry.plane_sweep_depth`), a second or
so per view. What single views get wrong, the fusion of all leaves out.
"""

from dataclasses import dataclass

from jaxtyping import Float
from rich.progress import track
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.geometry.plane_sweep_depth import sweep_depth
from condense_ns.geometry.pose_distance import camera_spacing, pose_distances, spread_views

MOST_VIEWS = 80
"""Spread over the scene."""
NEIGHBOURS = 8
SIZE = 160
"""Longest side in pixels at which views are compared."""
PLANES = 96
LEAST_CONFIDENCE = 0.15
"""Of a pixel whose depth counts."""


@dataclass(frozen=True)
class DepthOfView:
    """Depth of one photograph."""

    image: Float[Tensor, "3 height width"]
    depth: Float[Tensor, "height width"]
    """Along the optical axis, 0 where nothing certain is known, or masked."""


@dataclass(frozen=True)
class PhotographDepths:
    """Depth of some views of a scene."""

    cameras: PinholeViews
    views: list[DepthOfView]
    numbers: list[int]
    """Of these views among the scene's."""


def photograph_depths(scene: PosedScene) -> PhotographDepths:
    """Depth of training views that are spread over the scene."""
    views = scene.views[scene.training]
    spacing = camera_spacing(views)
    scale = min(1.0, SIZE / max(views.height, views.width))
    size = max(8, round(views.height * scale)), max(8, round(views.width * scale))
    small = views.resized(*size)
    chosen = spread_views(views, MOST_VIEWS, spacing)
    found = []
    for view in track(chosen, f"depth of {scene.name}"):
        order = pose_distances(views[[view]], views, spacing).argsort().tolist()
        nearest = [other for other in order if other != view][:NEIGHBOURS]
        numbers = [scene.training[at] for at in (view, *nearest)]
        given = scene.source_views(numbers).resized(*size)
        swept = sweep_depth(given.images[0], given.cameras[[0]], given[1:], PLANES)
        sure = swept.confidence > LEAST_CONFIDENCE
        found.append(DepthOfView(given.images[0], swept.depth * sure))
    return PhotographDepths(small[chosen], found, [scene.training[view] for view in chosen])
