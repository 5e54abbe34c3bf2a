"""Feature figures of a trained run on its held-out views (`methods.md` 7.1 and 7.2).

Everything happens on each view's patch centres, the cells of the encoder's map. Points come from the
run's own depth, or from depth images where the scene has them.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from condense_ns.data.feature_datamanager import FeatureDataManager, Split
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import sample_map
from condense_ns.geometry.projection import Camera, project
from condense_ns.metrics.feature_agreement import feature_agreement, nan_mean
from condense_ns.metrics.view_consistency import Landings, view_consistency
from condense_ns.models.condense_dense import CondenseDenseModel
from condense_ns.pipelines.ray_caster import RayCaster, projection_camera

MIN_OPACITY = 0.5
DEPTH_TOLERANCE = 0.02  # of the distance, for the occlusion test
OVERLAP = (0.3, 0.8)
MIN_ROTATION = 5.0  # degrees between the views of a pair
MAX_PAIRS = 60
VISIBILITY_ROUNDS = 6  # how many candidate views a point is looked for in


@dataclass(frozen=True)
class EvaluationView:
    """One held-out view at the centres of its cells."""

    index: int
    camera: Camera
    pixels: Float[Tensor, "cells 2"]
    points: Float[Tensor, "cells 3"]
    """World points; meaningless where `valid` is false."""
    valid: Bool[Tensor, " cells"]
    """Opaque enough and of known depth."""
    rendered: Float[Tensor, "rows columns channels"]
    teacher: Float[Tensor, "rows columns channels"]
    z_depth: Float[Tensor, " cells"]
    """Depth of the run along the optical axis, scene units."""
    true_z_depth: Float[Tensor, " cells"] | None
    """Depth of the depth image, 0 where unknown; None without depth images."""


class FeatureEvaluation:
    """Held-out views of a run and what is measured on them.

    Args:
        model: the trained model, in evaluation mode.
        data: its data manager.
        spec: the encoder that is evaluated.

    Raises:
        UserError: the scene has no evaluation images.
    """

    def __init__(self, model: CondenseDenseModel, data: FeatureDataManager, spec: str) -> None:
        if not data.eval_dataset:
            raise UserError(
                f"{data.get_datapath()} has no evaluation images; choose another split, e.g. "
                "nerfstudio-data --eval-mode interval"
            )
        self.model, self.data, self.spec = model, data, spec
        self.mean = model.decoder(spec).mean.cpu()
        self.casters = {
            "train": RayCaster(model, data.train_dataset.cameras),
            "eval": RayCaster(model, data.eval_dataset.cameras),
        }
        self.views = [self._view(index) for index in range(len(data.eval_dataset))]

    def _view(self, index: int) -> EvaluationView:
        camera = projection_camera(self.data.eval_dataset.cameras, index)
        teacher = self.data.maps("eval", self.spec).map(index)
        pixels = cell_centres(teacher.shape[0], teacher.shape[1], camera)
        views = torch.full((len(pixels),), index)
        rays = self.casters["eval"].at(views, pixels)
        truth = self._sensor_depth("eval", views, pixels)
        valid = rays["accumulation"][:, 0] >= MIN_OPACITY
        points = rays["points"]
        if truth is not None:
            distance = truth[:, None] * rays["directions_norm"]
            points = rays["origins"] + rays["directions"] * distance
            valid = valid & (truth > 0)
        return EvaluationView(
            index=index,
            camera=camera,
            pixels=pixels,
            points=points,
            valid=valid,
            rendered=rays[self.spec].reshape(teacher.shape),
            teacher=teacher,
            z_depth=rays["z_depth"][:, 0],
            true_z_depth=truth,
        )

    def _sensor_depth(
        self, split: Split, views: Int[Tensor, " rays"], pixels: Float[Tensor, "rays 2"]
    ) -> Float[Tensor, " rays"] | None:
        """Depth images at pixels, along the optical axis in scene units; None without them."""
        dataset = self.data.train_dataset if split == "train" else self.data.eval_dataset
        if not dataset.metadata.get("depth_filenames"):
            return None
        found = torch.zeros(len(views))
        for index in views.unique().tolist():
            image = dataset.get_metadata({"image_idx": index})["depth_image"][..., 0]
            chosen = views == index
            column, row = pixels[chosen].long().unbind(-1)
            found[chosen] = image[
                row.clamp(0, image.shape[0] - 1), column.clamp(0, image.shape[1] - 1)
            ]
        return found

    def _visible(
        self,
        split: Split,
        views: Int[Tensor, " points"],
        pixels: Float[Tensor, "points 2"],
        z_depth: Float[Tensor, " points"],
    ) -> Bool[Tensor, " points"]:
        """Whether points of that depth are the first surface at those pixels."""
        surface = self._sensor_depth(split, views, pixels)
        if surface is None:
            surface = self.casters[split].at(views, pixels)["z_depth"][:, 0]
        return (z_depth > 0) & ((z_depth - surface).abs() < DEPTH_TOLERANCE * z_depth)

    def agreement(self) -> dict[str, float]:
        """Rendered features against the encoder on the same views, mean over views."""
        return nan_mean([self.agreement_of(view, view.rendered) for view in self.views])

    def agreement_of(
        self,
        view: EvaluationView,
        features: Float[Tensor, "rows columns channels"],
        seen: Bool[Tensor, " cells"] | None = None,
    ) -> dict[str, float]:
        """Any features of a view against the encoder, on its valid cells (those `seen`)."""
        valid = view.valid if seen is None else view.valid & seen
        return feature_agreement(
            features.flatten(0, 1), view.teacher.flatten(0, 1), self.mean, valid
        )

    def consistency(self) -> dict[str, dict[str, float]]:
        """`view_consistency` of the rendered features and of the encoder, mean over pairs.

        Returns:
            under "rendered" and "encoder" the figures of the same points of the same pairs, and
            the number of `pairs`; NaN without any pair.
        """
        rows: dict[str, list[dict[str, float]]] = {"rendered": [], "encoder": []}
        for view_a, view_b, landings in self._pairs():
            pixels = self._pixels_of_cells(landings.cells_b_xy, view_b)
            size = (view_b.camera.height, view_b.camera.width)
            for row, name in (("rendered", "rendered"), ("encoder", "teacher")):
                map_a, map_b = getattr(view_a, name), getattr(view_b, name)
                at_b = sample_map(map_b, pixels, size)
                generator = torch.Generator().manual_seed(0)
                rows[row].append(
                    view_consistency(map_a, map_b, at_b, landings, self.mean, generator)
                )
        empty = dict.fromkeys(("mvc", "rnd", "margin", "corr1"), float("nan"))
        return {
            row: {**(nan_mean(found) if found else empty), "pairs": float(len(found))}
            for row, found in rows.items()
        }

    def _pairs(self) -> list[tuple[EvaluationView, EvaluationView, Landings]]:
        """Ordered pairs whose overlap and rotation lie in the range of the definition."""
        candidates = [
            (a, b) for a in self.views for b in self.views if rotation(a, b) >= MIN_ROTATION
        ]
        order = torch.randperm(len(candidates), generator=torch.Generator().manual_seed(0))
        found = []
        for position in order.tolist():
            view_a, view_b = candidates[position]
            landings = self._landings(view_a, view_b)
            if OVERLAP[0] <= len(landings.cells_a) / len(view_a.pixels) <= OVERLAP[1]:
                found.append((view_a, view_b, landings))
            if len(found) == MAX_PAIRS:
                break
        return found

    def _landings(self, view_a: EvaluationView, view_b: EvaluationView) -> Landings:
        pixels, z_depth = project(view_a.points, view_b.camera)
        kept = torch.nonzero(view_a.valid & view_b.camera.contains(pixels) & (z_depth > 0))[:, 0]
        if len(kept):
            views = torch.full((len(kept),), view_b.index)
            kept = kept[self._visible("eval", views, pixels[kept], z_depth[kept])]
        rows, columns = view_b.teacher.shape[:2]
        cells = torch.tensor([columns / view_b.camera.width, rows / view_b.camera.height])
        return Landings(kept, pixels[kept] * cells)

    @staticmethod
    def _pixels_of_cells(
        cells: Float[Tensor, "points 2"], view: EvaluationView
    ) -> Float[Tensor, "points 2"]:
        rows, columns = view.teacher.shape[:2]
        return cells * torch.tensor([view.camera.width / columns, view.camera.height / rows])

    def nearest_training_features(
        self, view: EvaluationView, min_angle: float
    ) -> tuple[Float[Tensor, "rows columns channels"], Bool[Tensor, " cells"]]:
        """The encoder's features in the training view nearest in angle that sees each point.

        Args:
            view: the held-out view.
            min_angle: degrees at the point between the two lines of sight, at least.

        Returns:
            the features, and which cells some training view sees.
        """
        cameras = self.data.train_dataset.cameras
        landed = [self._seen_from(view, projection_camera(cameras, j)) for j in range(len(cameras))]
        angle = torch.stack([item[0] for item in landed])
        angle = torch.where(angle >= min_angle, angle, torch.inf)
        pixels = torch.stack([item[1] for item in landed])
        z_depth = torch.stack([item[2] for item in landed])
        order = angle.argsort(dim=0)
        features = torch.zeros_like(view.teacher.flatten(0, 1))
        seen = torch.zeros_like(view.valid)
        for candidates in order[:VISIBILITY_ROUNDS]:
            best = angle.gather(0, candidates[None])[0]
            rest = torch.nonzero(view.valid & ~seen & best.isfinite())[:, 0]
            if len(rest) == 0:
                break
            chosen = candidates[rest]
            visible = self._visible("train", chosen, pixels[chosen, rest], z_depth[chosen, rest])
            rest, chosen = rest[visible], chosen[visible]
            found = self.data.maps("train", self.spec).features(chosen, pixels[chosen, rest])
            features[rest], seen[rest] = found.cpu(), True
        return features.reshape(view.teacher.shape), seen

    @staticmethod
    def _seen_from(
        view: EvaluationView, camera: Camera
    ) -> tuple[Float[Tensor, " cells"], Float[Tensor, "cells 2"], Float[Tensor, " cells"]]:
        """Angle of the two lines of sight in degrees (inf if outside), pixels and depths."""
        pixels, z_depth = project(view.points, camera)
        here = torch.nn.functional.normalize(view.camera.origin - view.points, dim=-1)
        there = torch.nn.functional.normalize(camera.origin - view.points, dim=-1)
        angle = torch.rad2deg(torch.acos((here * there).sum(-1).clamp(-1.0, 1.0)))
        inside = camera.contains(pixels) & (z_depth > 0)
        return torch.where(inside, angle, torch.inf), pixels, z_depth

    def depth_error(self) -> dict[str, float]:
        """Median and mean error of the rendered depth against depth images, in dataset units.

        Empty without depth images.
        """
        scale = self.data.train_dataparser_outputs.dataparser_scale
        rows = []
        for view in self.views:
            if view.true_z_depth is None:
                return {}
            error = (view.z_depth - view.true_z_depth)[view.valid].abs()
            rows.append(
                {
                    "depth_median_error": error.median().item() / scale,
                    "depth_mean_error": error.mean().item() / scale,
                    "depth_abs_rel": (error / view.true_z_depth[view.valid]).mean().item(),
                }
            )
        return nan_mean(rows)


def cell_centres(rows: int, columns: int, camera: Camera) -> Float[Tensor, "cells 2"]:
    """Pixel coordinates of the centres of a grid that covers the image, row-major."""
    y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    cells = torch.stack([x, y], dim=-1).reshape(-1, 2)
    return cells * torch.tensor([camera.width / columns, camera.height / rows])


def rotation(view_a: EvaluationView, view_b: EvaluationView) -> float:
    """Angle of the rotation between two cameras, in degrees."""
    relative = view_a.camera.camera_to_world[:, :3].T @ view_b.camera.camera_to_world[:, :3]
    cosine = (relative.diagonal().sum() - 1.0) / 2.0
    return torch.rad2deg(torch.acos(cosine.clamp(-1.0, 1.0))).item()
