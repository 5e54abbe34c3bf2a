"""lift3d: any 2D model's output, consistent in 3D, on scenes never seen (Lift3D).

nerfstudio's model around `lifting.lifting_network`. Nothing in it belongs to a scene: in training it
gets examples, and to render a camera it asks `surroundings` for the photographs around it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import OrientedBox
from torch import Tensor
from torch.nn import Parameter

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.lift_training import LiftTraining, example_losses
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.network_file import SHIPPED, load_network
from condense_ns.lifting.source_alignment import reconciled
from condense_ns.lifting.view_rendering import render_features, render_picture
from condense_ns.models.cross_scene_model import (
    CrossSceneModel,
    CrossSceneModelConfig,
    along_the_ray,
    enlarged,
)
from condense_ns.models.pinhole_camera import pinhole_of
from condense_ns.rendering.pca_colours import pca_colours
from condense_ns.tensors import FeatureStatistics


@dataclass(frozen=True)
class LiftedFeatures:
    """Features of the surroundings of a camera, and how to show them."""

    maps: Float[Tensor, "sources rows columns channels"]
    statistics: FeatureStatistics


@dataclass(frozen=True)
class Surroundings:
    """What a camera is rendered from."""

    sources: SourceViews
    depth_range: tuple[float, float]
    features: LiftedFeatures | None = None


@dataclass
class Lift3DModelConfig(CrossSceneModelConfig):
    """Settings of lift3d."""

    _target: type = field(default_factory=lambda: Lift3DModel)
    initial_weights: Path | None = SHIPPED
    """Weights (.safetensors) that training starts from; None starts from random ones."""
    depth_planes: int = 48
    """Planes of the depth proposal."""
    samples_per_ray: int = 6
    """Quantiles of the proposal that the sources are asked about."""
    window_height: int = 96
    """Pixels of the part of a target that one step of training looks at."""
    window_width: int = 128
    """Pixels, likewise."""
    rays_per_step: int = 768
    """Rays per step whose colour is compared."""
    feature_rays_per_step: int = 192
    """Cells of an encoder per step whose features are compared."""
    picture_side: int = 64
    """Pixels of the side of a square per step that teaches how pictures are refined."""
    only_pictures: bool = False
    """Train how pictures are refined, and leave all other weights as they are."""
    picture_loss_mult: float = 0.1
    """Weight of what refined pictures lack of a high PSNR."""
    rgb_loss_mult: float = 3.0
    """Weight of the difference between colours."""
    plane_loss_mult: float = 0.2
    """Weight of the proposal's cross-entropy, on scenes with depth."""
    fine_plane_loss_mult: float = 0.2
    """Weight of the refined depth's cross-entropy, on scenes with depth."""
    depth_loss_mult: float = 0.1
    """Weight of the difference between depths in planes, on scenes with depth."""
    feature_cosine_loss_mult: float = 0.3
    """Weight of 1 - cosine between features."""
    feature_l2_loss_mult: float = 0.05
    """Weight of the square difference between features, in units of their variance."""
    eval_num_rays_per_chunk: int = 2048
    """Rays at a time."""


class Lift3DModel(CrossSceneModel):
    """The network, its losses, and pictures of cameras."""

    config: Lift3DModelConfig
    surroundings: Callable[[PinholeViews], Surroundings] | None = None
    """Photographs around a camera of the scene that is shown; set by the pipeline."""

    def populate_modules(self) -> None:
        """Build the network and load what it starts from."""
        super().populate_modules()
        self.network = LiftingNetwork(self.config.depth_planes, self.config.samples_per_ray)
        if self.config.initial_weights is not None:
            self.network.load_state_dict(load_network(self.config.initial_weights).state_dict())

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """All of the network."""
        return {"network": list(self.network.parameters())}

    @property
    def training_sizes(self) -> LiftTraining:
        """How much of a target one step looks at."""
        config = self.config
        return LiftTraining(
            (config.window_height, config.window_width),
            config.rays_per_step,
            config.feature_rays_per_step,
            config.picture_side,
            config.only_pictures,
        )

    def get_outputs(self, ray_bundle: Any) -> dict[str, Any]:
        """Losses of examples, by name, averaged; distributed training listens here.

        Args:
            ray_bundle: examples and a seed for each, in place of the host's rays.
        """
        summed: dict[str, list[Tensor]] = {}
        for example, seed in ray_bundle:
            generator = torch.Generator().manual_seed(seed)
            found = example_losses(self.network, example, self.training_sizes, generator)
            for name, loss in found.items():
                summed.setdefault(name, []).append(loss)
        return {name: torch.stack(losses).mean() for name, losses in summed.items()}

    def look_at(self, target: PinholeViews, around: Surroundings) -> Look:
        """What all rays of a target share."""
        look = self.network.look(target, around.sources, around.depth_range)
        return reconciled(self.network, look)

    @torch.no_grad()
    def get_outputs_for_camera(
        self, camera: Cameras, obb_box: OrientedBox | None = None
    ) -> dict[str, Tensor]:
        """``rgb``, ``depth``, ``accumulation``, ``feature_pca`` of a camera, from the shown scene.

        Args:
            camera: one camera.
            obb_box: not used; sources know no box.
        """
        assert self.surroundings is not None
        wanted = pinhole_of(camera.to(self.device))
        size = self.rendered_size(wanted)
        target = wanted.resized(*size)
        around = self.surroundings(target)
        look = self.look_at(target, around)
        picture = render_picture(self.network, look, *size, self.config.eval_num_rays_per_chunk)
        _, directions = pixel_rays(grid_places(*size, self.device), target)
        outputs = {
            "rgb": picture.rgb,
            "depth": along_the_ray(picture.depth, directions),
            "accumulation": picture.accumulation,
            "feature_pca": self._feature_colours(look, around, size),
        }
        full = (wanted.height, wanted.width)
        return {name: enlarged(values, full) for name, values in outputs.items()}

    def _feature_colours(
        self, look: Look, around: Surroundings, size: tuple[int, int]
    ) -> Float[Tensor, "height width 3"]:
        """Lifted features as colours; black without features."""
        lifted = around.features
        if lifted is None:
            return torch.zeros(*size, 3, device=self.device)
        grid = lifted.maps.shape[1], lifted.maps.shape[2]
        features = render_features(self.network, look, lifted.maps, grid)
        about = lifted.statistics
        colours = pca_colours(
            features,
            about.mean.to(features),
            about.pca_basis.to(features),
            about.pca_range.to(features),
        )
        return enlarged(colours, size)

    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """PSNR, SSIM and, if its weights are there, LPIPS of a held-out view."""
        true, found = batch["image"].to(self.device)[..., :3], outputs["rgb"]
        metrics: dict[str, float] = self.picture_metrics(found, batch)
        images = {"img": torch.cat([true, found], dim=1), "feature_pca": outputs["feature_pca"]}
        return metrics, images
