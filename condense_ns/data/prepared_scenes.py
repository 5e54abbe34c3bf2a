"""What training needs of scenes, made once and kept within a bound of memory on the training device."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.data.open_scenes import OpenScene
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.volume_kinds import AS_GIVEN, VolumeSource, kinds_of, volume_of_source
from condense_ns.errors import UserError
from condense_ns.fields.octree_backbone import LEVELS
from condense_ns.fields.voxel_pyramid import VoxelPyramid, voxel_pyramid
from condense_ns.geometry.correspondence import DepthView
from condense_ns.geometry.interpolation import on_grid
from condense_ns.geometry.pinhole import grid_places
from condense_ns.pretraining.pretrain_example import TrunkMap
from condense_ns.pretraining.seen_cells import SeenCells, measured, seen_cells
from condense_ns.volumes.sparse_volume import Kind, SparseVolume
from condense_ns.volumes.turned import turned

VOLUMES, CELLS, OTHERS = 0.6, 0.2, 0.2
"""Shares of the memory."""
LOOKS, LOOK_GRID, LEAST_SEEN = 6, (12, 16), 0.02
"""Views that must see something of the volume, the grid of rays through each, and the share that must."""
NEAR_BYTES = 16 << 20
"""For which views overlap which others."""


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


class PreparedScenes:
    """Volumes of open scenes, what their views see of them, and the views' features.

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
        self._plain = RecentItems[SparseVolume](int(VOLUMES / 4 * limit_bytes))
        self._prepared = RecentItems[PreparedVolume](int(VOLUMES * 3 / 4 * limit_bytes))
        self._cells = RecentItems[SeenCells](int(CELLS * limit_bytes))
        self._others = RecentItems[Tensor](int(OTHERS * limit_bytes))
        self._near = RecentItems[Tensor](NEAR_BYTES)

    def kinds(self, opened: OpenScene) -> tuple[Kind, ...]:
        """The kinds of sources that a scene is trained on."""
        return kinds_of(opened.scene, self.plain(opened, AS_GIVEN), self._kinds)

    def plain(self, opened: OpenScene, source: VolumeSource) -> SparseVolume:
        """The volume as it stands in the world.

        Args:
            opened: the scene.
            source: which of its volumes.

        Raises:
            UserError: the scene has no volume.
        """
        shared = source.voxels

        def make() -> SparseVolume:
            return volume_of_source(opened.scene, shared, self._most_voxels).to(self._device)

        return source.named(self._plain.get(_key(opened, shared), make))

    def prepared(self, opened: OpenScene, source: VolumeSource, turn: int) -> PreparedVolume:
        """The volume turned, with its pyramid; `turn` as in `volumes.turned`."""
        shared = source.voxels

        def make() -> PreparedVolume:
            change = turned(self.plain(opened, shared), turn)
            pyramid = voxel_pyramid([change.volume.voxel_indices], LEVELS)
            return PreparedVolume(change.volume, pyramid, change.numbers)

        found = self._prepared.get(_key(opened, shared, turn), make)
        return replace(found, volume=source.named(found.volume))

    def cells(
        self, opened: OpenScene, source: VolumeSource, view: int, grid: tuple[int, int]
    ) -> SeenCells:
        """What a view sees at the centres of a grid, in numbers of the volume as it stands."""

        def make() -> SeenCells:
            camera = opened.scene.masked_views([view]).to(self._device)
            return seen_cells(self.plain(opened, source.voxels), camera, *grid)

        return self._cells.get(_key(opened, source.voxels, view, *grid), make)

    def measured(self, opened: OpenScene, view: int, cells: SeenCells) -> SeenCells:
        """What a view sees, with surfaces where its depth image has them; as it is in scenes without any."""
        scene = opened.scene

        def make() -> Tensor:
            depth = scene.depth(view)
            if depth is None:
                return torch.zeros(0)
            places = grid_places(cells.rows, cells.columns)
            return DepthView(scene.views[[view]], depth).depth_at(places)

        depth = self.kept(opened, ("depth", view, cells.rows, cells.columns), make)
        return measured(cells, scene.views[[view]].to(self._device), depth) if len(depth) else cells

    def overlapping(self, opened: OpenScene, view: int, count: int) -> list[int]:
        """The training views that share most with one of them, the most useful first.

        Args:
            opened: the scene.
            view: number of a view of the scene.
            count: how many; all that there are if there are fewer.

        Raises:
            UserError: none shares anything with it.
        """
        scene = opened.scene

        def make() -> Tensor:
            found = opened.anchors.select_sources(
                scene.views[[view]], scene.training, count, view=view
            )
            return torch.tensor(found)

        return self._near.get(_key(opened, view, count), make).tolist()

    def maps(
        self, opened: OpenScene, spec: str, views: list[int]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Features of views by one encoder, on the grid of the first one; kept as they are stored.

        Raises:
            UserError: the encoder cannot be used.
        """
        stored = [
            self.kept(
                opened,
                ("features", spec, view),
                lambda view=view: opened.maps(spec).map(view).half(),
            )
            for view in views
        ]
        rows, columns, _ = stored[0].shape
        return torch.stack([on_grid(one.float(), rows, columns) for one in stored])

    def trunks(
        self, opened: OpenScene, spec: str, below: int, views: list[int]
    ) -> tuple[TrunkMap, ...]:
        """What enters the last blocks of an encoder for each of the views; kept as it is stored.

        Args:
            opened: the scene.
            spec: of the encoder.
            below: how many blocks.
            views: numbers of views of the scene.

        Raises:
            UserError: the encoder cannot be used, or not cut there.
        """
        return tuple(
            self.kept(
                opened,
                ("trunk", spec, below, view),
                lambda view=view: opened.maps(spec, below).map(view).half(),
            ).float()
            for view in views
        )

    def kept(
        self, opened: OpenScene, what: tuple[Hashable, ...], make: Callable[[], Tensor]
    ) -> Tensor:
        """Anything else of a scene that takes time to make.

        Args:
            opened: the scene.
            what: tells it from everything else of the scene.
            make: answers it, on any device.
        """
        return self._others.get(_key(opened, *what), lambda: make().to(self._device))


def refuse_unseen(opened: OpenScene, prepared: PreparedScenes) -> None:
    """Whether the scene's volume is where its cameras look.

    Raises:
        UserError: it is not, or the scene has no volume.
    """
    training = opened.scene.training
    looks = training[:: max(1, len(training) // LOOKS)]
    cells = [prepared.cells(opened, AS_GIVEN, view, LOOK_GRID) for view in looks]
    seen = torch.cat([one.visible[one.counted] for one in cells]).float()
    if len(seen) and float(seen.mean()) < LEAST_SEEN:
        raise UserError(
            f"scene {opened.scene.name}: its cameras see nothing of its volume; check that its points or "
            "depth images have the frame and the unit of its poses"
        )


def _key(opened: OpenScene, *rest: Hashable) -> Hashable:
    return (opened.scene.folder, *rest)
