"""The SparseVolume of a scene: made once, from its depth images, else its points, else its photographs.

Only views for training are looked at. The volume lies in the user's cache under what it depends on: the
scene's files and cameras, the size of the voxels and how volumes are made.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from rich.progress import Progress

from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.photograph_depth import photograph_depths
from condense_ns.data.posed_scene import PosedScene
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.volumes.depth_surfaces import PosedDepth
from condense_ns.volumes.from_depth import DepthFusion, fitting_voxel_size, volume_from_depth
from condense_ns.volumes.from_points import volume_from_points
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.volume_file import ENDING, read_volume, write_volume

_MAKING = 1
"""To be raised when other volumes are made of the same scene."""


def volume_of_scene(scene: PosedScene, voxel_size: float | None = None) -> SparseVolume:
    """The voxels of a scene, in its own frame.

    Args:
        scene: with depth images, points that its data parser knows, or views that overlap.
        voxel_size: scene units; chosen for the scene if None.

    Raises:
        UserError: no volume can be made of what the scene has, or a mask cannot be used.
    """
    return kept_volume(volume_file(scene, voxel_size), lambda: _made(scene, voxel_size))


def volume_file(scene: PosedScene, variant: float | str | None = None) -> Path:
    """Where a volume of a scene is kept; the variant is its voxels' size, or what else it depends on."""
    content = f"{scene.digest} {variant} {_MAKING}"
    name = hashlib.sha256(content.encode()).hexdigest()[:20]
    return scene_cache_folder("volumes", scene.folder) / f"{name}{ENDING}"


def kept_volume(file: Path, make: Callable[[], SparseVolume]) -> SparseVolume:
    """The volume in a file of the cache, made if it is not there."""
    if file.is_file():
        with suppress(UserError):  # a damaged one is made anew
            return read_volume(file)
    volume = make()
    with suppress(UserError):  # a full disk is no hindrance
        write_volume(file, volume)
    return volume


def _made(scene: PosedScene, voxel_size: float | None) -> SparseVolume:
    """The volume of a scene, from what it has."""
    scene.masks.check(scene.training)
    volume = (
        _from_depth(scene, voxel_size)
        or _from_points(scene, voxel_size)
        or _from_photographs(scene, voxel_size)
    )
    return replace(volume, provenance={"scene": str(scene.folder.resolve())})


def _from_depth(scene: PosedScene, voxel_size: float | None) -> SparseVolume | None:
    """From depth images, unless the scene has none."""
    views = scene.training
    if scene.depth(views[0]) is None:
        return None

    def seen(number: int) -> PosedDepth:
        depth, image = scene.depth(views[number]), scene.image(views[number])
        return PosedDepth(torch.zeros_like(image[0]) if depth is None else depth, image)

    return _fused(scene, scene.views[views], seen, voxel_size)


def _from_photographs(scene: PosedScene, voxel_size: float | None) -> SparseVolume:
    """From depth that is found by comparing photographs.

    Raises:
        UserError: they agree on too little.
    """
    found = photograph_depths(scene)

    def seen(number: int) -> PosedDepth:
        return PosedDepth(found.views[number].depth, found.views[number].image)

    try:
        return _fused(scene, found.cameras, seen, voxel_size)
    except UserError as error:
        raise UserError(
            f"scene {scene.name} has neither depth images nor points, and its photographs alone do not "
            "tell where surfaces are; add depth_file_path to its frames or points (ply_file_path or a "
            "COLMAP model)"
        ) from error


def _fused(
    scene: PosedScene,
    cameras: PinholeViews,
    seen: Callable[[int], PosedDepth],
    voxel_size: float | None,
) -> SparseVolume:
    """From depth of views, with progress."""
    name = f"scene {scene.name}"
    with Progress(transient=True) as progress:
        task = progress.add_task(f"fusing the depth of {scene.name}", total=2 * len(cameras))

        def seen_and_told(number: int) -> PosedDepth:
            progress.advance(task)
            return seen(number)

        size = fitting_voxel_size(cameras, seen, name) if voxel_size is None else voxel_size
        return volume_from_depth(cameras, seen_and_told, DepthFusion(size), name)


def _from_points(scene: PosedScene, voxel_size: float | None) -> SparseVolume | None:
    """From the points that the data parser knows, if any."""
    cloud = scene.cloud
    if cloud is None:
        return None
    viewpoints = scene.views[scene.training].centres
    return volume_from_points(cloud, voxel_size, viewpoints, f"scene {scene.name}")
