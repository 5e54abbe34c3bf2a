"""What views of a scene have in common, and how far away things are, from a sparse cloud of points."""

from collections.abc import Collection
from functools import cached_property
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.data.anchor_points import anchor_points
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.kept_tensor import kept_tensor
from condense_ns.data.posed_scene import PosedScene
from condense_ns.errors import UserError
from condense_ns.geometry.covisibility import (
    anchor_weights,
    covisibility,
    diverse_choice,
    mean_ray_angles,
)
from condense_ns.geometry.pinhole import PinholeViews, project_pinhole
from condense_ns.geometry.pose_distance import camera_spacing, pose_distances

NEAREST_QUANTILE, FARTHEST_QUANTILE = 0.01, 0.99
WIDENED = (0.7, 1.5)
"""The range of depths reaches from the nearest anchor times the first to the farthest times the other."""
ANCHORS_FOR_A_RANGE = 8
ANCHORS_FOR_A_CHOICE = 2000
"""The first of all, which stand in random order."""
NEIGHBOURS_FOR_A_RANGE = 3


class SceneAnchors:
    """Anchors of one scene, worked out once and kept in the user's cache.

    Before they are worked out every photograph of the scene is checked, so that a scene whose anchors
    are kept is one that can be read.

    Args:
        scene: training views alone are looked at.
        folder: where they are kept; None for the user's cache.

    Raises:
        UserError: a photograph is damaged, or nothing tells where the surfaces are.
    """

    def __init__(self, scene: PosedScene, folder: Path | None = None) -> None:
        self._scene = scene
        self._training = scene.views[scene.training]
        self._spacing = camera_spacing(self._training)
        folder = scene_cache_folder("anchors", scene.folder) if folder is None else folder
        file = folder / f"{scene.digest[:16]}.safetensors"
        self.points = kept_tensor(file, lambda: _checked_points(scene))

    def depth_range(self, view: PinholeViews) -> tuple[float, float]:
        """Nearest and farthest depth at which one view may see surfaces: 0 < near < far."""
        found = self._anchor_depths(view)
        if len(found) < ANCHORS_FOR_A_RANGE:
            order = pose_distances(view, self._training, self._spacing).argsort().tolist()
            neighbours = (self._anchor_depths(self._training[[at]]) for at in order)
            enough = [depths for depths in neighbours if len(depths) >= ANCHORS_FOR_A_RANGE]
            found = torch.cat(enough[:NEIGHBOURS_FOR_A_RANGE]) if enough else self._distances(view)
        near = float(found.quantile(NEAREST_QUANTILE)) * WIDENED[0]
        return near, float(found.quantile(FARTHEST_QUANTILE)) * WIDENED[1]

    def _anchor_depths(self, view: PinholeViews) -> Float[Tensor, " seen"]:
        seen = project_pinhole(self.points, view)
        return seen.depths[0][seen.inside[0]]

    def _distances(self, view: PinholeViews) -> Float[Tensor, " points"]:
        """Of all anchors, for want of anything better."""
        return torch.linalg.vector_norm(self.points - view.centres, dim=-1).clamp_min(1e-6)

    def covisibility(
        self, target: PinholeViews, sources: PinholeViews
    ) -> Float[Tensor, " sources"]:
        """Share of the target's anchors that each source sees from a similar side."""
        return covisibility(self.points, target, sources)

    def select_sources(
        self,
        target: PinholeViews,
        candidates: list[int],
        count: int,
        exclude: Collection[int] = (),
        least_angle: float = 0.0,
        view: int | None = None,
    ) -> list[int]:
        """Views of the scene to lift a target from, the most useful first.

        Args:
            target: one view.
            candidates: numbers of views of the scene.
            count: how many; all that are left if there are fewer.
            exclude: views not to use.
            least_angle: degrees; only views whose rays to the target's anchors differ by so much.
            view: number of the target among the scene's views. None is a free camera: if no view
                shares anything with it, the nearest ones are taken.

        Raises:
            UserError: no view is left, or none shares anything with a target that is a view.
        """
        allowed = [at for at in candidates if at not in exclude and at != view]
        allowed = self.apart(target, allowed, least_angle)
        views = self._scene.views[allowed]
        few = self.points[:ANCHORS_FOR_A_CHOICE]
        if not allowed:
            raise UserError(f"{self._called(view)} has no other view to be lifted from; add views")
        near = pose_distances(target, views, self._spacing)
        in_target = project_pinhole(few, target).inside[0]
        shown = few[in_target]
        weights = anchor_weights(shown, target, views)
        if self._unmasked is not None:
            weights = weights * self._unmasked[allowed][:, in_target]
        if view is not None and not bool((weights > 0).any()):
            raise UserError(
                f"{self._called(view)} shares nothing with the other views; drop it, or add views "
                "that overlap it"
            )
        return [allowed[at] for at in diverse_choice(weights, count, ties=near)]

    def apart(self, target: PinholeViews, views: list[int], least_angle: float) -> list[int]:
        """Those of some views whose rays to the target's anchors differ by so many degrees at least."""
        if least_angle <= 0.0 or not views:
            return views
        few = self.points[:ANCHORS_FOR_A_CHOICE]
        angles = mean_ray_angles(few, target, self._scene.views[views])
        return [at for at, angle in zip(views, angles, strict=True) if angle >= least_angle]

    @cached_property
    def _unmasked(self) -> Bool[Tensor, "views few"] | None:
        """Which views see which anchors of a choice in pixels that count; None where nothing is masked."""
        scene, few = self._scene, self.points[:ANCHORS_FOR_A_CHOICE]
        if not any(scene.masks.files):
            return None
        masked = (scene.masked_views([view]) for view in range(len(scene)))
        return torch.cat([project_pinhole(few, view).inside for view in masked])

    def _called(self, view: int | None) -> str:
        name = "a free camera" if view is None else f"view {view} ({self._scene.file(view).name})"
        return f"scene {self._scene.name}: {name}"


def _checked_points(scene: PosedScene) -> Float[Tensor, "points 3"]:
    scene.check()
    return anchor_points(scene)
