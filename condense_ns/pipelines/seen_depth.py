"""How far away photographs show things: by depth images, else by voxels, else by comparing photographs."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.photograph_depth import photograph_depths
from condense_ns.data.posed_scene import PosedScene
from condense_ns.geometry.valid_pixels import valid_at
from condense_ns.pipelines.scene_lifting import open_scene
from condense_ns.pipelines.voxel_depth import IMAGE_SIZE, VoxelDepth

SeenDepth = Callable[[int, Float[Tensor, "places 2"]], Float[Tensor, " places"]]
"""A view's number, and places (x, y) from 0 to 1 across it -> depth along the optical axis, 0 where unknown or masked."""


def seen_depth(scene: PosedScene, used: Sequence[int], voxels: VoxelDepth | None) -> SeenDepth:
    """Depth in the photographs of a scene.

    Args:
        scene: of any kind; photographs without depth images must overlap.
        used: numbers of the photographs that may be looked at, and will be asked about; at least one.
        voxels: of the scene, if they are at hand.

    Raises:
        UserError: a depth image cannot be read.
    """
    if scene.depth(used[0]) is not None:  # a data parser gives them for all or none
        return lambda view, places: _nearest(scene.depth(view), places)
    if voxels is not None:
        return lambda view, places: (
            voxels.depths(scene.views[[view]], places)
            * valid_at(scene.masks.valid(view)[None], places[None])[0]
        )
    small = open_scene(scene.folder, IMAGE_SIZE)
    small.training = list(used)
    found = photograph_depths(small)
    maps = {view: one.depth for view, one in zip(found.numbers, found.views, strict=True)}
    return lambda view, places: _nearest(maps.get(view), places)


def _nearest(
    depth: Float[Tensor, "rows columns"] | None, places: Float[Tensor, "places 2"]
) -> Float[Tensor, " places"]:
    """Of the pixels in which places lie; 0 without a depth image."""
    if depth is None:
        return torch.zeros(len(places))
    cells = (places * places.new_tensor(depth.shape[::-1])).long()
    columns, rows = (cells[:, axis].clamp(0, depth.shape[1 - axis] - 1) for axis in (0, 1))
    return depth[rows, columns]
