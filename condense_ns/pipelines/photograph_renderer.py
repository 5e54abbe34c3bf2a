"""How a scene's photographs come out when they are rendered from the others: what pictures of other cameras lack.

Each is rendered once for all cameras, and kept in a file, if a folder is given, where all photographs of training may
be looked at.
"""

from collections.abc import Collection
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.lifting.lifting_network import LEADING
from condense_ns.lifting.source_alignment import reconciled
from condense_ns.lifting.view_rendering import render_picture
from condense_ns.pipelines.kept_findings import KeptFindings
from condense_ns.pipelines.surface_finder import SurfaceFinder

CODE_VERSION = 1
"""Another one needs other files of pictures."""


class PhotographRenderer:
    """Renders photographs of a scene when they are asked for.

    Args:
        surfaces: finds the depth of the scene's photographs.
        num_sources: photographs that cameras are rendered from; each of the scene's is from no more than lead these.
        folder: of files of pictures; None keeps none.
    """

    def __init__(self, surfaces: SurfaceFinder, num_sources: int, folder: Path | None) -> None:
        self._surfaces, self._num_sources = surfaces, min(num_sources, LEADING)
        settings = {"code": CODE_VERSION, "sources": self._num_sources}
        self._kept = KeptFindings(surfaces.network, surfaces.scene, folder, settings)

    def leading(
        self, views: list[int], allowed: Collection[int]
    ) -> Float[Tensor, "leading 3 height width"]:
        """Pictures of the leading ones of some views, RGB in [0, 1], on the network's device.

        Args:
            views: their numbers, the most useful first.
            allowed: numbers of the photographs that may be looked at; each view is rendered from others, whose
                depth may be found with it.
        """
        return torch.stack([self._picture(view, allowed) for view in views[:LEADING]])

    def _picture(self, view: int, allowed: Collection[int]) -> Tensor:
        halves = self._kept.of_photograph(
            view, allowed, lambda: self._rendered(view, allowed).half()
        )
        return halves.float()

    @torch.no_grad()
    def _rendered(self, view: int, allowed: Collection[int]) -> Float[Tensor, "3 height width"]:
        """The photograph itself where no other sees anything: nothing is known of what pictures lack there."""
        scene, anchors, network = (
            self._surfaces.scene,
            self._surfaces.anchors,
            self._surfaces.network,
        )
        target, photograph = scene.views[[view]], scene.image(view).to(self._kept.device)
        try:
            numbers = anchors.select_sources(target, sorted(allowed), self._num_sources, view=view)
        except UserError:  # no other shows any of it
            return photograph
        sources = self._surfaces.source_views(numbers, allowed)
        look = network.look(target.to(photograph.device), sources, anchors.depth_range(target))
        found = render_picture(network, reconciled(network, look), target.height, target.width)
        seen = found.accumulation > 0
        return torch.where(seen.movedim(2, 0), found.rgb.movedim(2, 0), photograph)
