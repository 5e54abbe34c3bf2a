"""The held-out views of a trained run, at the centres of the cells of an encoder's maps.

Points come from depth images where the scene has them, else from the run's own depth: with sensor
depth a field is not judged by the geometry that it has made up itself (`methods.md` 7.2).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from condense_ns.data.feature_datamanager import FeatureDataManager, Split
from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera
from condense_ns.models.condense_dense import CondenseDenseModel
from condense_ns.pipelines.checkpoint_checks import check_teacher
from condense_ns.pipelines.ray_caster import RayCaster, projection_camera

MIN_OPACITY = 0.5
DEPTH_TOLERANCE = 0.02  # of the distance, for the occlusion test


@dataclass(frozen=True)
class HeldOutView:
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


class HeldOutViews:
    """All held-out views of a run for one encoder.

    Args:
        model: the trained model, in evaluation mode.
        data: its data manager.
        spec: the encoder that is evaluated.

    Raises:
        UserError: the scene has no evaluation images, or the encoder is not the run's own.
    """

    def __init__(self, model: CondenseDenseModel, data: FeatureDataManager, spec: str) -> None:
        check_held_out(data)
        check_teacher(model, data.teachers[spec])
        self.model, self.data, self.spec = model, data, spec
        self.mean = model.decoder(spec).mean.cpu()
        self.casters = {
            "train": RayCaster(model, data.train_dataset.cameras),
            "eval": RayCaster(model, data.eval_dataset.cameras),
        }
        self.views = [self._view(index) for index in range(len(data.eval_dataset))]

    def __iter__(self) -> Iterator[HeldOutView]:
        return iter(self.views)

    def _view(self, index: int) -> HeldOutView:
        camera = projection_camera(self.data.eval_dataset.cameras, index)
        teacher = self.data.maps("eval", self.spec).map(index)
        pixels = cell_centres(teacher.shape[0], teacher.shape[1], camera)
        rays, truth = self._rays("eval", index, pixels)
        points, valid = _surface(rays, truth)
        return HeldOutView(
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

    def lifted(
        self, split: Split, index: int, pixels: Float[Tensor, "points 2"]
    ) -> tuple[Float[Tensor, "points 3"], Bool[Tensor, " points"]]:
        """World points at pixels of a view, and which of them are known."""
        return _surface(*self._rays(split, index, pixels))

    def _rays(
        self, split: Split, index: int, pixels: Float[Tensor, "points 2"]
    ) -> tuple[dict[str, Tensor], Float[Tensor, " points"] | None]:
        """What the run renders, and the depth image if there is one."""
        views = torch.full((len(pixels),), index)
        rays = self.casters[split].at(views, pixels)
        return rays, self._sensor_depth(split, views, pixels)

    def rendered_at(
        self, view: HeldOutView, pixels: Float[Tensor, "points 2"]
    ) -> Float[Tensor, "points channels"]:
        """Rendered features at any pixels of a view."""
        views = torch.full((len(pixels),), view.index)
        return self.casters["eval"].at(views, pixels)[self.spec]

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

    def visible(
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


def check_held_out(data: FeatureDataManager) -> None:
    """Refuse a scene of which nothing can be measured.

    Raises:
        UserError: it has no evaluation images.
    """
    if not data.eval_dataset:
        raise UserError(
            f"{data.get_datapath()} has no evaluation images; choose another split, e.g. "
            "nerfstudio-data --eval-mode interval"
        )


def _surface(
    rays: dict[str, Tensor], truth: Float[Tensor, " points"] | None
) -> tuple[Float[Tensor, "points 3"], Bool[Tensor, " points"]]:
    """Where rays meet a surface, by the depth image where there is one, and whether they do."""
    valid = rays["accumulation"][:, 0] >= MIN_OPACITY
    if truth is None:
        return rays["points"], valid
    distance = truth[:, None] * rays["directions_norm"]
    return rays["origins"] + rays["directions"] * distance, valid & (truth > 0)


def cell_centres(rows: int, columns: int, camera: Camera) -> Float[Tensor, "cells 2"]:
    """Pixel coordinates of the centres of a grid that covers the image, row-major."""
    y, x = torch.meshgrid(torch.arange(rows) + 0.5, torch.arange(columns) + 0.5, indexing="ij")
    cells = torch.stack([x, y], dim=-1).reshape(-1, 2)
    return cells * torch.tensor([camera.width / columns, camera.height / rows])
