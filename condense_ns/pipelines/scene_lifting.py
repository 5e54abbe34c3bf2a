"""An operator's answer for any camera of a scene, lifted from the photographs around it.

The operator encodes each photograph once; maps are kept on disk under its fingerprint. A camera's map
is lifted from those of its sources, mixed with the operator's map of the rendered picture, and decoded
over that picture; answers that are painted are mixed with those of the sources.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.cache.lookup import StoredMaps
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.recent_items import RecentItems
from condense_ns.data.scene_anchors import SceneAnchors
from condense_ns.data.scene_list import read_scene_list
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import on_grid
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.lifting.fine_contrast import sharpened
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.point_lifting import SeeingView
from condense_ns.lifting.source_alignment import reconciled
from condense_ns.lifting.view_rendering import (
    RenderedView,
    render_answers,
    render_features,
    render_picture,
)
from condense_ns.operators.base import Operator, Shares, SourceMap
from condense_ns.operators.checking import checked_decode
from condense_ns.operators.shifted_encoding import shifted_encode
from condense_ns.pipelines.lifted_parts import Answered, LiftedParts, answered
from condense_ns.pipelines.surface_finder import SurfaceFinder

ANSWER_BYTES = 1 << 29
"""Memory for answers of sources."""
PREPARED_VIEWS = 16
"""Photographs, spread over the scene, whose maps an operator sees beforehand."""


@dataclass(frozen=True)
class LiftedView:
    """One camera."""

    look: Look
    sources: list[int]
    """Numbers of the photographs that it was rendered from, the most useful first."""
    rendered: RenderedView

    @property
    def picture(self) -> Float[Tensor, "3 height width"]:
        """RGB in [0, 1]."""
        return self.rendered.rgb.permute(2, 0, 1)

    @property
    def lit(self) -> Bool[Tensor, "height width"]:
        """Pixels that some source sees."""
        return self.rendered.accumulation[..., 0] > 0

    @cached_property
    def sharp(self) -> Float[Tensor, "3 height width"]:
        """The picture as sharp as the photographs."""
        return sharpened(self.picture, self.look, self.lit)


def open_scene(folder: Path, image_size: int, option: str = "--scene") -> PosedScene:
    """The one scene in a folder.

    Args:
        folder: of the scene.
        image_size: longest side in pixels of pictures, and of what operators see.
        option: that the folder was given with.

    Raises:
        UserError: there is none, several, or it cannot be read.
    """
    places = read_scene_list(folder, option=option).all
    if len(places) != 1:
        names = ", ".join(place.name for place in places[:5])
        raise UserError(f"{folder} holds {len(places)} scenes ({names}); name one of them")
    return PosedScene(places[0], image_size, largest_photograph=image_size)


class SceneLifter:
    """A network, a scene, and operators on it.

    Args:
        network: of lift3d, on its device.
        scene: whose photographs are lifted.
        num_sources: photographs that a camera is rendered from.
        store_root: folder for what is worked out for the scene; None for the user's cache.
    """

    def __init__(
        self,
        network: LiftingNetwork,
        scene: PosedScene,
        num_sources: int,
        store_root: Path | None = None,
    ) -> None:
        self.network, self.scene, self.num_sources = network.eval(), scene, num_sources
        self.anchors = SceneAnchors(scene)
        self.device = next(network.parameters()).device

        self._store_root = store_root
        surfaces = self.folder("surfaces")
        self._surfaces = SurfaceFinder(network, scene, self.anchors, folder=surfaces)
        self._maps: dict[str, StoredMaps] = {}
        self._answers: RecentItems[Tensor] = RecentItems(ANSWER_BYTES)
        self.settled_shares: dict[str, Shares] = {}

    def folder(self, kind: str) -> Path:
        """Where things of one kind that were worked out for the scene are kept."""
        if self._store_root is None:
            return scene_cache_folder(kind, self.scene.folder)
        return self._store_root / kind

    def maps(self, operator: Operator) -> StoredMaps:
        """What the operator's encoder answers for every photograph; made on first use."""
        if operator.fingerprint not in self._maps:
            self._maps[operator.fingerprint] = self.scene.feature_maps(
                operator, self.folder("features")
            )
        return self._maps[operator.fingerprint]

    def working_map(self, operator: Operator, view: int) -> Float[Tensor, "rows columns channels"]:
        """The operator's map of a photograph, in the cells of a working image, which are those of all views."""
        grid = operator.grid_size(self.scene.views.height, self.scene.views.width)
        return on_grid(self.maps(operator).map(view), *grid)

    def prepare(self, operator: Operator) -> None:
        """Let the operator settle what must be the same in all views of the scene.

        Raises:
            UserError: it needs a view that the scene has not.
        """
        last = len(self.scene) - 1
        wrong = [view for view in operator.needed_views if not 0 <= view <= last]
        if wrong:
            raise UserError(f"view {wrong[0]} was asked for; the scene's are numbered 0 to {last}")
        spread = torch.linspace(0, last, min(PREPARED_VIEWS, last + 1)).round().long().tolist()
        maps = self.maps(operator)
        operator.prepare(
            [
                SourceMap(
                    view, maps.map(view).to(operator.device), *self.scene.photograph_size(view)
                )
                for view in sorted({*spread, *operator.needed_views})
            ]
        )

    def camera(self, view: int) -> PinholeViews:
        """The camera of a view of the scene."""
        return self.scene.views[[view]]

    @torch.no_grad()
    def render(
        self,
        target: PinholeViews,
        candidates: list[int] | None = None,
        exclude: Collection[int] = (),
        least_angle: float = 0.0,
    ) -> LiftedView:
        """Picture and depth of a camera.

        Args:
            target: one view.
            candidates: photographs that may be looked at; None for those of training.
            exclude: those that it may not be rendered from, such as its own; the depth of the others may be found
                with them.
            least_angle: degrees by which the sources' rays to its surfaces differ at least.
        """
        allowed = self.scene.training if candidates is None else candidates
        allowed = self.anchors.apart(target, allowed, least_angle)
        numbers = self.anchors.select_sources(target, allowed, self.num_sources, exclude)
        sources = self._surfaces.source_views(numbers, allowed)
        near_far = self.anchors.depth_range(target)
        look = self.network.look(target.to(self.device), sources, near_far)
        look = reconciled(self.network, look)
        rendered = render_picture(self.network, look, target.height, target.width)
        return LiftedView(look, numbers, rendered)

    def blend(
        self,
        operator: Operator,
        view: LiftedView,
        corrected: bool = True,
        own: Float[Tensor, "rows columns channels"] | None = None,
    ) -> Float[Tensor, "rows columns channels"]:
        """The operator's map of a camera, from those of the sources alone; `own` as for `render_features`."""
        maps = [self.working_map(operator, number) for number in view.sources]
        grid = operator.lifted_size(view.look.target.height, view.look.target.width)
        stacked = torch.stack(maps).to(self.device)
        return render_features(self.network, view.look, stacked, grid, corrected, own)

    @torch.no_grad()
    def parts(
        self, operator: Operator, view: LiftedView, corrected: bool = True, trying: bool = False
    ) -> LiftedParts:
        """What the operator's answer for a camera is mixed from.

        Args:
            operator: that is prepared.
            view: the camera.
            corrected: let the sources' maps correct each other; nothing else depends on it.
            trying: they may be mixed with other shares than are settled now.
        """
        own, painted = None, None
        if trying or self.shares(operator).rendered > 0:
            grid = operator.lifted_size(view.look.target.height, view.look.target.width)
            own = shifted_encode(operator, view.sharp, view.picture).to(self.device)
            own = on_grid(own, *grid)
        guide = own if operator.believes_picture else None
        blended = self.blend(operator, view, corrected, guide)
        if operator.painted_share > 0:
            answers = torch.stack([self._painted(operator, number) for number in view.sources])
            depth = view.rendered.depth[..., 0]
            painted = render_answers(self.network, view.look, answers.to(self.device), depth)
        return LiftedParts(blended, own, painted, view.lit.float(), view.picture)

    def shares(self, operator: Operator) -> Shares:
        """What answers are mixed from: as the operator says, or as was settled."""
        return self.settled_shares.get(operator.spec, operator.shares)

    def lift(
        self, operator: Operator, view: LiftedView, corrected: bool = True
    ) -> Float[Tensor, "rows columns channels"]:
        """The operator's map of a camera, from those of the sources and of the rendered picture."""
        return self.parts(operator, view, corrected).feature_map(self.shares(operator).rendered)

    def lifted_answer(
        self, operator: Operator, view: LiftedView, corrected: bool = True
    ) -> Answered:
        """What the operator, once it is prepared, answers for a camera; arguments as for `parts`."""
        return self.parts(operator, view, corrected).mixed(operator, self.shares(operator))

    def _painted(self, operator: Operator, view: int) -> Float[Tensor, "height width answers"]:
        """The operator's answer for a photograph."""
        return self._answers.get(
            (operator.spec, view),
            lambda: checked_decode(
                operator, self.working_map(operator, view), self.scene.image(view)
            ).cpu(),
        )

    def answer(
        self,
        operator: Operator,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
        alone: bool = False,
    ) -> Answered:
        """What the operator makes of a map; alone, without what it has settled for the scene."""
        return answered(operator, feature_map, checked_decode(operator, feature_map, image, alone))

    def depth(self, view: int) -> Float[Tensor, "height width"]:
        """Of a view of the scene: the dataset's, or found with the other photographs; 0 where unknown or masked."""
        known = self.scene.depth(view)
        if known is not None:
            return known
        found = self._surfaces.depth(view, self.scene.training).cpu()
        found = found.where(found.isfinite(), 0.0)[None, None]
        size = (self.scene.views.height, self.scene.views.width)
        found = F.interpolate(found, size, mode="nearest-exact")[0, 0]
        return found * self.scene.masks.valid(view)

    def seeing(self, operator: Operator, view: int, depth: Tensor) -> SeeingView:
        """A view with its depth and the operator's map, for lifting to points."""
        return SeeingView(self.camera(view), depth, self.maps(operator).map(view))
