"""The volume of a scene as each kind of source would have it, so that one backbone learns to read all.

A scene has the volume that its files give (`scene_volume`). Where there are depth images, points are
taken from them; and voxels made of depth stand for those of a fitted radiance field, which is asked for density,
colour and normal in the same way.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_volume import kept_volume, volume_file, volume_of_scene
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.volumes.from_points import PointCloud, volume_from_points
from condense_ns.volumes.sparse_volume import KINDS, Kind, SparseVolume

POINTS_PER_VOXEL = 6
"""Of the cloud that is taken from depth images."""


@dataclass(frozen=True)
class VolumeSource:
    """Which of the volumes of one scene."""

    kind: Kind | None = None
    """Of source; None for what the scene's files give."""
    halvings: int = 0
    """Of the resolution, beyond those that the largest number of voxels asks for."""

    @property
    def voxels(self) -> "VolumeSource":
        """The source of the same voxels: only points are not where the scene's files have them."""
        return self if self.kind == "points" else replace(self, kind=None)

    def named(self, volume: SparseVolume) -> SparseVolume:
        """The volume of this source, given one of the same voxels."""
        return volume if self.kind in (None, volume.kind) else replace(volume, kind=self.kind)


AS_GIVEN = VolumeSource()


def kinds_of(scene: PosedScene, volume: SparseVolume, wanted: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """The wanted kinds that a scene can have; at least its own.

    Args:
        scene: whose volume it is.
        volume: what its files give.
        wanted: in any order.
    """
    possible: set[Kind] = {volume.kind}
    if volume.kind == "depth":
        possible.add("radiance")
        if scene.depth(scene.training[0]) is not None:
            possible.add("points")
    return tuple(kind for kind in KINDS if kind in possible and kind in wanted) or (volume.kind,)


def volume_of_source(scene: PosedScene, source: VolumeSource, most_voxels: int) -> SparseVolume:
    """The volume of a scene in at most about so many voxels.

    It is kept beside the scene's own, which has many more and takes long to be read and merged.

    Args:
        scene: whose training views show its surfaces.
        source: which volume.
        most_voxels: the resolution is halved until there are no more.

    Raises:
        UserError: the scene has no volume.
    """
    kind = source.voxels.kind
    file = volume_file(scene, f"{kind} at most {most_voxels}")
    volume = kept_volume(file, lambda: _made(scene, kind, most_voxels))
    return source.named(volume.merged(source.halvings) if source.halvings else volume)


def _made(scene: PosedScene, kind: Kind | None, most_voxels: int) -> SparseVolume:
    """The volume of that kind of source, None for what the scene's files give."""
    if kind is None:
        return volume_of_scene(scene).at_most(most_voxels)
    volume = volume_of_source(scene, AS_GIVEN, most_voxels)
    return volume if volume.kind == "points" else _of_points(scene, volume)


def _of_points(scene: PosedScene, volume: SparseVolume) -> SparseVolume:
    """From points on the surfaces of all training views, in voxels of the same size."""
    each = POINTS_PER_VOXEL * len(volume) // len(scene.training) + 1
    generator = torch.Generator().manual_seed(0)
    found = [_seen_points(scene, view, each, generator) for view in scene.training]
    positions, colours = (torch.cat(parts) for parts in zip(*found, strict=True))
    cloud = PointCloud(positions.double(), colours)
    centres = scene.views[scene.training].centres
    return volume_from_points(cloud, volume.voxel_size, centres, f"scene {scene.name}")


def _seen_points(
    scene: PosedScene, view: int, count: int, generator: torch.Generator
) -> tuple[Float[Tensor, "points 3"], Float[Tensor, "points 3"]]:
    """Places and colours of a random part of a view's pixels."""
    depth = scene.depth(view)
    if depth is None:
        return torch.zeros(0, 3), torch.zeros(0, 3)
    rows, columns = depth.shape
    drawn = torch.randperm(rows * columns, generator=generator)[:count]
    chosen = drawn[depth.flatten()[drawn] > 0]
    centre, directions = pixel_rays(grid_places(rows, columns)[chosen], scene.views[[view]])
    colours = scene.image(view).flatten(1).T[chosen]
    return centre + depth.flatten()[chosen, None] * directions, colours
