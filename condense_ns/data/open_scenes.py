"""The scenes that are in use, a bounded number of them however many a run has."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

import torch
from jaxtyping import Float
from rich.console import Console
from torch import Tensor

from condense_ns.cache.lookup import StoredMaps
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.teachers import Teachers
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import on_grid

OPEN_SCENES = 256
"""Cameras, names of files and anchors of so many scenes are kept, some 300 kB each."""
RECENT_BYTES = 128 << 20
"""Memory for working images of all scenes together."""


@dataclass
class OpenScene:
    """A scene with what is known of it."""

    scene: PosedScene
    anchors: SceneAnchors
    store_root: Path
    """Folder of its stored features."""
    teachers: Teachers
    _maps: dict[tuple[str, int], StoredMaps] = field(default_factory=dict)

    def maps(self, spec: str, below: int = 0) -> StoredMaps:
        """Maps of all views by the encoder of that spec; extracted on first use.

        Args:
            spec: of the encoder.
            below: 0 for its features, else for what enters its last so many blocks.
        """
        key = (spec, below)
        if key not in self._maps:
            maker = self.teachers.trunk(spec, below) if below else self.teachers[spec]
            self._maps[key] = self.scene.feature_maps(maker, self.store_root)
        return self._maps[key]

    def stacked_maps(
        self, spec: str, views: list[int]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Feature maps of some views on one grid, the one that the first view has."""
        maps = [self.maps(spec).map(view) for view in views]
        rows, columns, _ = maps[0].shape
        return torch.stack([on_grid(single, rows, columns) for single in maps])


class OpenScenes:
    """Opens scenes when asked and closes those not used for long; safe for two threads.

    Args:
        image_size: longest side of the working images in pixels.
        teachers: the encoders of the run.
        feature_store: folder for the features of all scenes; None for the user's cache.
    """

    def __init__(self, image_size: int, teachers: Teachers, feature_store: Path | None) -> None:
        self._image_size, self._teachers, self._feature_store = image_size, teachers, feature_store
        self._recent = RecentItems[Tensor](RECENT_BYTES)
        self._open: OrderedDict[str, OpenScene] = OrderedDict()
        self._lock = RLock()

    def __len__(self) -> int:
        return len(self._open)

    def __getitem__(self, place: ScenePlace) -> OpenScene:
        """The scene at that place.

        Raises:
            UserError: it cannot be used.
        """
        with self._lock:
            if place.name not in self._open:
                self._open[place.name] = self._opened(place)
            self._open.move_to_end(place.name)
            while len(self._open) > OPEN_SCENES:
                self._open.popitem(last=False)
            return self._open[place.name]

    def _opened(self, place: ScenePlace) -> OpenScene:
        scene = PosedScene(place, self._image_size, self._recent)
        root = self._feature_store
        store = scene_cache_folder("features", place.folder) if root is None else root / place.name
        return OpenScene(scene, SceneAnchors(scene), store, self._teachers)

    def readable(
        self, places: Iterable[ScenePlace], skip_unreadable: bool
    ) -> tuple[ScenePlace, ...]:
        """Those of the places whose scenes can be used; their anchors are kept afterwards.

        Args:
            places: in the order in which to look at them.
            skip_unreadable: leave out the others with a warning.

        Raises:
            UserError: a scene cannot be used and is not to be left out.
        """
        usable = []
        for place in places:
            try:
                _ = self[place]
            except UserError as error:
                if not skip_unreadable:
                    raise
                Console().print(f"Skipped: {error}", style="yellow")
            else:
                usable.append(place)
        return tuple(usable)
