"""What training needs of scenes' volumes, made once and kept within a bound of memory."""

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from condense_ns.data.open_scenes import OpenScene
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.volume_kinds import kinds_of, volume_of_kind
from condense_ns.fields.octree_backbone import LEVELS
from condense_ns.fields.voxel_pyramid import VoxelPyramid, voxel_pyramid
from condense_ns.pretraining.seen_cells import SeenCells, seen_cells
from condense_ns.volumes.sparse_volume import Kind, SparseVolume
from condense_ns.volumes.turned import turned

SHARE_OF_CELLS = 0.25
"""Of the memory; volumes and pyramids have the rest."""


@dataclass(frozen=True)
class PreparedVolume:
    """A volume as the backbone reads it."""

    volume: SparseVolume
    pyramid: VoxelPyramid
    numbers: Int64[Tensor, " voxels"]
    """Number here of each voxel of the scene's volume as it stands in the world."""

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.volume.nbytes + self.pyramid.nbytes + self.numbers.nbytes


class PreparedVolumes:
    """Volumes of open scenes, and what their views see of them; all of it on the device.

    Args:
        most_voxels: of a scene.
        kinds: of sources that are wanted.
        device: where everything is kept.
        limit_bytes: of memory there.
    """

    def __init__(
        self,
        most_voxels: int,
        kinds: tuple[Kind, ...],
        device: torch.device | str,
        limit_bytes: int,
    ) -> None:
        self._most_voxels, self._kinds, self._device = most_voxels, kinds, device
        for_cells = int(SHARE_OF_CELLS * limit_bytes)
        self._plain = RecentItems[SparseVolume](limit_bytes // 16)
        self._prepared = RecentItems[PreparedVolume](limit_bytes - for_cells)
        self._cells = RecentItems[SeenCells](for_cells)

    def kinds(self, opened: OpenScene) -> tuple[Kind, ...]:
        """The kinds of sources that a scene is trained on."""
        return kinds_of(self.plain(opened, None), self._kinds)

    def plain(self, opened: OpenScene, kind: Kind | None) -> SparseVolume:
        """The volume as it stands in the world, on the CPU.

        Args:
            opened: the scene.
            kind: of source; None for what its files give.

        Raises:
            UserError: the scene has no volume.
        """
        scene = opened.scene
        return self._plain.get(
            _key(opened, kind), lambda: volume_of_kind(scene, kind, self._most_voxels)
        )

    def prepared(self, opened: OpenScene, kind: Kind | None, turn: int) -> PreparedVolume:
        """The volume turned, with its pyramid; `turn` as in `volumes.turned`."""

        def make() -> PreparedVolume:
            change = turned(self.plain(opened, kind), turn)
            pyramid = voxel_pyramid([change.volume.voxel_indices], LEVELS)
            return PreparedVolume(
                change.volume.to(self._device),
                pyramid.to(self._device),
                change.numbers.to(self._device),
            )

        return self._prepared.get(_key(opened, kind, turn), make)

    def cells(
        self, opened: OpenScene, kind: Kind | None, view: int, rows: int, columns: int
    ) -> SeenCells:
        """What a view sees at the centres of a grid, in numbers of the volume as it stands."""
        camera = opened.scene.views[[view]]
        return self._cells.get(
            _key(opened, kind, view, rows, columns),
            lambda: seen_cells(self.plain(opened, kind), camera, rows, columns).to(self._device),
        )


def _key(opened: OpenScene, *rest: Hashable) -> Hashable:
    return (opened.scene.folder, *rest)
