"""condense-sparse: condense-dense with keypoints (ConDense, sparse half).

A 2D head finds and describes keypoints in photographs; a 3D field gives every position a score, which
is rendered with the weights that render colour. Both learn from pairs of training views
(`models/keypoint_training.py`) once the geometry is good enough to say what is the same place.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle, RaySamples
from nerfstudio.field_components.encodings import HashEncoding
from torch import Tensor
from torch.nn import Parameter

from condense_ns.fields.fast_hash_encoding import speed_up_hash_grids
from condense_ns.fields.keypoint_field import KeypointField
from condense_ns.keypoints.head import KeypointHead
from condense_ns.models.condense_dense import CondenseDenseModel, CondenseDenseModelConfig
from condense_ns.models.keypoint_training import (
    LOSSES,
    PairLesson,
    PairView,
    RenderedScores,
    pair_losses,
)
from condense_ns.rendering.accumulation import strongest_samples


@dataclass
class CondenseSparseModelConfig(CondenseDenseModelConfig):
    """Settings of keypoints; those of condense-dense keep their meaning."""

    _target: type = field(default_factory=lambda: CondenseSparseModel)
    keypoint_descriptor_dim: int = 64
    """Numbers of a keypoint's descriptor."""
    keypoint_head_width: int = 24
    """Channels inside the 2D head."""
    keypoint_image_size: int = 640
    """Longest side in pixels that photographs are resized to before keypoints are looked for."""
    keypoint_num_levels: int = 8
    """Levels of the 3D score's hash grid."""
    keypoint_max_res: int = 2048
    """Cells per axis of its finest level."""
    keypoint_log2_hashmap_size: int = 17
    """Binary logarithm of the entries per level."""
    keypoint_samples_per_ray: int = 8
    """Only the samples with the largest weights have a score."""
    keypoint_consistency_loss_mult: float = 0.5
    """Weight of the difference between 2D scores and rendered 3D scores, both ways."""
    keypoint_repeatability_loss_mult: float = 1.0
    """Weight of the difference between scores of the same patch in two views."""
    keypoint_peakedness_loss_mult: float = 0.25
    """Weight of the flatness of scores."""
    keypoint_contrast_loss_mult: float = 1.0
    """Weight of descriptors that are nearer to other places than to their own."""
    keypoint_reliability_loss_mult: float = 0.25
    """Weight of wrong guesses of which matches will be right."""
    keypoint_place_loss_mult: float = 0.25
    """Weight of the distance between keypoints of the same place."""
    keypoint_prior_loss_mult: float = 1.0
    """Weight of the detector that scores start from; it falls to a tenth while keypoints are trained."""


PRIOR_AT_THE_END = 0.1


class CondenseSparseModel(CondenseDenseModel):
    """nerfacto, a feature field, and keypoints in 2D and 3D."""

    config: CondenseSparseModelConfig

    def populate_modules(self) -> None:
        """Build condense-dense, the 2D head and the 3D score."""
        super().populate_modules()
        config = self.config
        grid = HashEncoding(
            num_levels=config.keypoint_num_levels,
            min_res=config.base_res,
            max_res=config.keypoint_max_res,
            log2_hashmap_size=config.keypoint_log2_hashmap_size,
            features_per_level=2,
            implementation=config.implementation,
        )
        self.keypoint_field = KeypointField(
            self.scene_box.aabb, self.field.spatial_distortion, grid, config.implementation
        )
        speed_up_hash_grids(self)
        self.keypoint_head = KeypointHead(
            channels=next(iter(config.features.values())),
            descriptor_dim=config.keypoint_descriptor_dim,
            width=config.keypoint_head_width,
            image_size=config.keypoint_image_size,
        )

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """Those of condense-dense and `keypoints`."""
        groups = super().get_param_groups()
        groups["keypoints"] = [*self.keypoint_head.parameters(), *self.keypoint_field.parameters()]
        return groups

    def forward(self, ray_bundle: RayBundle, lesson: PairLesson | None = None) -> dict[str, Any]:
        """Outputs of condense-dense and, where there is a lesson, its losses.

        Args:
            ray_bundle: the rays.
            lesson: a pair of views; handed in here because distributed training hears only of weights
                that are used here.
        """
        outputs: dict[str, Any] = super().forward(ray_bundle)
        if lesson is not None:
            # half precision is too coarse for scores near 0 and 1, and torch refuses their entropy in it
            with torch.autocast(self.device.type, enabled=False):
                pair = lesson.draw(lesson.generator)
                outputs["keypoint_losses"] = self.keypoint_losses(
                    pair, lesson.progress, lesson.generator
                )
        return outputs

    def get_loss_dict(
        self,
        outputs: dict[str, Any],
        batch: dict[str, Any],
        metrics_dict: dict[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Losses of condense-dense and those of the lesson."""
        losses = super().get_loss_dict(outputs, batch, metrics_dict)
        return {**losses, **outputs.get("keypoint_losses", {})}

    def other_pictures(
        self, samples: RaySamples, weights: Float[Tensor, "rays samples"]
    ) -> dict[str, Tensor]:
        """`keypoint_score`."""
        return {"keypoint_score": self.scores_of_rays(samples, weights)[:, None]}

    def scores_of_rays(
        self, samples: RaySamples, weights: Float[Tensor, "rays samples"]
    ) -> Float[Tensor, " rays"]:
        """3D scores composited along rays, zero where there is nothing; gradients reach scores only."""
        kept, chosen = strongest_samples(weights.detach(), self.config.keypoint_samples_per_ray)
        positions = samples.frustums.get_positions().detach()
        positions = torch.take_along_dim(positions, chosen[..., None], dim=1)
        return (kept * self.keypoint_field(positions)).sum(dim=1)

    def render_scores(self, camera: Cameras, pixels: Float[Tensor, "rays 2"]) -> RenderedScores:
        """Depth, opacity and 3D score at pixels of a camera; only the score has gradients.

        Args:
            camera: one camera.
            pixels: continuous (x, y), first centre 0.5.
        """
        if len(pixels) == 0:  # the host's field refuses to be asked nothing
            nothing = torch.zeros(0, device=self.device)
            return RenderedScores(nothing, nothing, nothing)
        indices = torch.zeros(len(pixels), 1, dtype=torch.long, device=self.device)
        was_training = self.training
        self.eval()
        with torch.no_grad():
            rays = camera.generate_rays(
                camera_indices=indices, coords=pixels.detach().flip(-1).to(self.device)
            )
            rays = self.collider(rays) if self.collider is not None else rays
            outputs, samples, weights = self.outputs_and_samples(rays)
        self.train(was_training)
        return RenderedScores(
            z_depth=(outputs["depth"] / rays.metadata["directions_norm"])[:, 0],
            opacity=outputs["accumulation"][:, 0],
            scores=self.scores_of_rays(samples, weights),
        )

    def keypoint_losses(
        self, pair: tuple[PairView, PairView], progress: float, generator: torch.Generator
    ) -> dict[str, Float[Tensor, ""]]:
        """What keypoints learn from a pair of training views, weighted.

        Args:
            pair: two views that see the same places.
            progress: of the training of keypoints, from 0 to 1; the prior fades with it.
            generator: draws the pixels.
        """
        found = pair_losses(*pair, self.keypoint_head, self.render_scores, generator)
        weights: dict[str, float] = {
            name: getattr(self.config, f"keypoint_{name}_loss_mult") for name in LOSSES
        }
        weights["prior"] *= PRIOR_AT_THE_END**progress
        return {f"keypoint_{name}_loss": weights[name] * loss for name, loss in found.items()}
