"""The depth of a scene's photographs, found once for all cameras that are rendered from them.

Each is found from the photograph itself and those around it, then again with what the first round found
around it: surfaces that others confirm are kept, and lent to those that missed them.
"""

from collections.abc import Collection
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import LEADING, LiftingNetwork
from condense_ns.lifting.own_depth import own_depth

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
    """

    def __init__(
        self,
        network: LiftingNetwork,
        scene: PosedScene,
        anchors: SceneAnchors,
        patience: int = 0,
    ) -> None:
        self._network, self.scene, self._anchors = network, scene, anchors
        self._patience = patience
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
        return self._recent.get(key, lambda: self._found(view, allowed, rounds))

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
        return self.scene.source_views(views).to(next(self._network.parameters()).device)

    @property
    def _state(self) -> int:
        """Another number once the network's weights have been changed."""
        versions = [weights._version for weights in self._network.parameters()]
        return sum(versions) // max(1, self._patience * len(versions))
