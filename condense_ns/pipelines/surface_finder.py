"""The depth of a scene's photographs, found once for all cameras that are rendered from them.

Each is found from the photograph itself and those around it, then again with what the first round found
around it: surfaces that others confirm are kept, and lent to those that missed them. Depths that all photographs
of training told are kept in files, if a folder is given, for the next time that the scene is opened.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.kept_tensor import kept_tensor
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.encoders.fingerprint import fingerprint, state_digest
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import LEADING, LiftingNetwork
from condense_ns.lifting.own_depth import own_depth

CODE_VERSION = 1
"""Another one needs other files of depths."""
ROUNDS = 2
WITNESSES = 15
"""Photographs around one whose surfaces the second round knows; pictures of the first of them are looked at, too."""
RECENT_BYTES = 128 << 20
"""Memory for depths, some 50 kB each."""


class SurfaceFinder:
    """Finds depths when they are asked for, and keeps them while the network stays as it is.

    Args:
        network: of lift3d.
        scene: whose photographs are looked at.
        anchors: of the scene.
        patience: steps of training after which depths are found anew; 0 does it after any change.
        folder: of files of depths; None keeps none, as is best while the network is trained.
    """

    def __init__(
        self,
        network: LiftingNetwork,
        scene: PosedScene,
        anchors: SceneAnchors,
        patience: int = 0,
        folder: Path | None = None,
    ) -> None:
        self._network, self.scene, self._anchors = network, scene, anchors
        self._patience = patience
        self._everything = frozenset(scene.training)
        self._folder = None if folder is None else folder / scene.digest[:16]
        self._recent = RecentItems[Tensor](RECENT_BYTES)

    def source_views(self, views: list[int], allowed: Collection[int]) -> SourceViews:
        """Views of the scene with their surfaces, on the network's device.

        Args:
            views: their numbers.
            allowed: numbers of the photographs that may be looked at beside each itself.
        """
        surfaces = torch.stack([self.depth(view, allowed) for view in views])
        return replace(self._photographs(views), surfaces=surfaces)

    def depth(self, view: int, allowed: Collection[int]) -> Float[Tensor, "rows columns"]:
        """Depth of one view along its optical axis, infinity where unknown; arguments as for `source_views`."""
        return self._depth(view, frozenset(allowed), ROUNDS)

    def _depth(self, view: int, allowed: frozenset[int], rounds: int) -> Tensor:
        """Depth after so many rounds."""
        key = (self._state, view, allowed, rounds)
        make = partial(self._found, view, allowed, rounds)
        if self._folder is not None and rounds == ROUNDS and allowed == self._everything:
            folder = self._folder
            return self._recent.get(key, lambda: self._kept(folder, view, make))
        return self._recent.get(key, make)

    def _kept(self, folder: Path, view: int, make: Callable[[], Tensor]) -> Tensor:
        """Depth in a file, made if it is missing."""
        content = {"code": CODE_VERSION, "network": state_digest(self._network.state_dict())}
        file = folder / fingerprint(content)[:16] / f"{view:05d}.safetensors"
        return kept_tensor(file, make).to(self._device)

    def _found(self, view: int, allowed: frozenset[int], rounds: int) -> Tensor:
        camera, others = self.scene.views[[view]], sorted(allowed - {view})
        count = LEADING - 1 if rounds == 1 else WITNESSES
        around = self._anchors.select_sources(camera, others, count) if others else []
        views, depth_range = [view, *around], self._anchors.depth_range(camera)
        if rounds == 1 or not around:  # depends on these views alone, whatever else is allowed
            return self._recent.get(
                (self._state, *views),
                lambda: own_depth(self._network, self._photographs(views), depth_range),
            )
        known = [self._depth(other, allowed, rounds - 1) for other in around]
        surfaces = torch.stack([torch.full_like(known[0], torch.inf), *known])
        given = replace(self._photographs(views), surfaces=surfaces)
        return own_depth(self._network, given, depth_range)

    def _photographs(self, views: list[int]) -> SourceViews:
        return self.scene.source_views(views).to(self._device)

    @property
    def _device(self) -> torch.device:
        return next(self._network.parameters()).device

    @property
    def _state(self) -> int:
        """Another number once the network's weights have been changed."""
        versions = [weights._version for weights in self._network.parameters()]
        return sum(versions) // max(1, self._patience * len(versions))
