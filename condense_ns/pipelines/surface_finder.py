"""The depth of a scene's photographs, found once for all cameras that are rendered from them.

Each is found from the photograph itself and those around it, then again with what the first round found
around it: surfaces that others confirm are kept, and lent to those that missed them. Depths that all photographs
of training told are kept in files, if a folder is given, for the next time that the scene is opened.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lifting_network import LEADING, LiftingNetwork
from condense_ns.lifting.own_depth import own_depth
from condense_ns.pipelines.kept_findings import KeptFindings

CODE_VERSION = 1
"""Another one needs other files of depths."""
ROUNDS = 2
WITNESSES = 15
"""Photographs around one whose surfaces the second round knows; pictures of the first of them are looked at, too."""


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
        self.network, self.scene, self.anchors = network, scene, anchors
        self._kept = KeptFindings(network, scene, folder, {"code": CODE_VERSION}, patience)

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
        make = partial(self._found, view, allowed, rounds)
        if rounds == ROUNDS:
            return self._kept.of_photograph(view, allowed, make)
        return self._kept.recent((view, allowed, rounds), make)

    def _found(self, view: int, allowed: frozenset[int], rounds: int) -> Tensor:
        camera, others = self.scene.views[[view]], sorted(allowed - {view})
        count = LEADING - 1 if rounds == 1 else WITNESSES
        around = self.anchors.select_sources(camera, others, count) if others else []
        views, depth_range = [view, *around], self.anchors.depth_range(camera)
        if rounds == 1 or not around:  # depends on these views alone, whatever else is allowed
            return self._kept.recent(
                tuple(views),
                lambda: own_depth(self.network, self._photographs(views), depth_range),
            )
        known = [self._depth(other, allowed, rounds - 1) for other in around]
        surfaces = torch.stack([torch.full_like(known[0], torch.inf), *known])
        given = replace(self._photographs(views), surfaces=surfaces)
        return own_depth(self.network, given, depth_range)

    def _photographs(self, views: list[int]) -> SourceViews:
        return self.scene.source_views(views).to(self._kept.device)
