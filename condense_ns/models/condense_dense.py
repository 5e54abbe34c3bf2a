"""condense-dense: nerfacto with a feature field, distilled from 2D encoders (ConDense, dense half).

Per ray: nerfacto's samples -> the strongest few -> latent of the feature field -> composited ->
one decoder per encoder -> compared with the 2D feature of the same pixel.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro
from jaxtyping import Float
from nerfstudio.cameras.rays import RayBundle, RaySamples
from nerfstudio.field_components.encodings import HashEncoding
from nerfstudio.model_components.losses import DepthLossType, depth_loss
from nerfstudio.models.nerfacto import NerfactoModelConfig
from torch import Tensor, nn
from torch.nn import Parameter

from condense_ns.errors import UserError
from condense_ns.fields import view_code
from condense_ns.fields.fast_hash_encoding import speed_up_hash_grids
from condense_ns.fields.feature_field import FeatureDecoder, FeatureField
from condense_ns.fields.predicted_latents import PredictedLatents
from condense_ns.losses.distillation import cosine_distance, robust_l2, weighted_mean
from condense_ns.models.lazy_lpips import lpips_weights_on_disk
from condense_ns.models.nerfacto_samples import NerfactoWithSamples
from condense_ns.rendering.accumulation import composite, strongest_samples
from condense_ns.rendering.heat import heat_colours
from condense_ns.rendering.pca_colours import pca_colours
from condense_ns.rendering.surface_normals import normal_colours
from condense_ns.retrieval.relevancy import Query, relevancy
from condense_ns.tensors import FeatureStatistics


@dataclass
class CondenseDenseModelConfig(NerfactoModelConfig):
    """Settings of the feature field; those of nerfacto keep their meaning."""

    _target: type = field(default_factory=lambda: CondenseDenseModel)
    features: tyro.conf.Suppress[dict[str, int]] = field(default_factory=dict)
    """Channels per encoder. Filled in when training starts and saved with the run, so that viewing
    needs neither the encoder nor its features."""
    geometry_from: Path | None = None
    """Config file of a trained nerfacto run of this scene: its geometry is taken over and frozen,
    only features are learned."""
    backbone: Path | None = None
    """File of condense export backbone, or "shipped": features begin as what it predicts for the scene, from its depth
    images, points or photographs; with geometry_from and --max-num-iterations 0 they stay so (zero-shot)."""
    backbone_most_voxels: int = 200_000
    """Of the volume that the backbone reads."""
    feature_latent_dim: int = 64
    """Numbers per sample that are composited along a ray, shared by all encoders."""
    feature_sees_view: bool = True
    """Let features change a little with the direction and distance a surface is seen from: encoders
    do not say the same of a point from everywhere. Off, they are the same from every side."""
    feature_view_loss_mult: float = 0.5
    """Weight of the square of what changes with the view; w shrinks it by about 1 / (1 + w)."""
    feature_num_levels: int = 12
    """Levels of the feature field's hash grid."""
    feature_max_res: int = 1024
    """Cells per axis of its finest level."""
    feature_log2_hashmap_size: int = 19
    """Binary logarithm of the entries per level."""
    feature_per_level: int = 4
    """Numbers per grid entry."""
    feature_hidden_dim: int = 128
    """Width of the field's MLP and of the decoders."""
    feature_samples_per_ray: int = 12
    """Only the samples with the largest weights are looked up; all of them if there are fewer."""
    feature_cosine_loss_mult: float = 1.0
    """Weight of the cosine distance between rendered and 2D features."""
    feature_l2_loss_mult: float = 1.0
    """Weight of the robust L2 distance, in standard deviations of the 2D features."""
    feature_moves_geometry: bool = False
    """Let feature losses reach the densities; off, features adapt to the geometry only."""
    depth_loss_mult: float = 1e-3
    """Weight of the host's depth loss (DS-NeRF); without depth images in the scene it is off."""
    depth_sigma: float = 0.01
    """Standard deviation of the depth images' error, in scene units after the pose rescaling."""


class CondenseDenseModel(NerfactoWithSamples):
    """nerfacto plus a feature field."""

    config: CondenseDenseModelConfig

    def populate_modules(self) -> None:
        """Build nerfacto, the feature field and one decoder per encoder."""
        super().populate_modules()
        statistics: dict[str, FeatureStatistics] = self.kwargs["metadata"].get("features", {})
        if statistics:
            self.config.features = {name: known.channels for name, known in statistics.items()}
        if not self.config.features:
            raise UserError("no encoder given; name one, e.g. --pipeline.encoders dinov2-small")
        config = self.config
        grid = HashEncoding(
            num_levels=config.feature_num_levels,
            min_res=config.base_res,
            max_res=config.feature_max_res,
            log2_hashmap_size=config.feature_log2_hashmap_size,
            features_per_level=config.feature_per_level,
            implementation=config.implementation,
        )
        self.feature_field = FeatureField(
            self.scene_box.aabb,
            self.field.spatial_distortion,
            grid,
            latent_dim=config.feature_latent_dim,
            hidden_dim=config.feature_hidden_dim,
            implementation=config.implementation,
        )
        speed_up_hash_grids(self)
        view_dim = view_code.DIM if config.feature_sees_view else 0
        sizes = {"hidden_dim": config.feature_hidden_dim, "view_dim": view_dim}
        self.decoders = nn.ModuleList(
            FeatureDecoder(config.feature_latent_dim, channels, **sizes)
            for channels in config.features.values()
        )
        for name, known in statistics.items():
            self.decoder(name).remember(known)
        self.predicted = None
        if config.backbone is not None:
            self.predicted = PredictedLatents(config.feature_latent_dim)
        self.geometry_frozen = False
        self.shown_encoder = next(iter(config.features))
        self.shown_colours: dict[str, tuple[Tensor, Tensor]] = {}
        self.query: Query | None = None

    def decoder(self, name: str) -> FeatureDecoder:
        """The decoder of an encoder, by the encoder's spec."""
        decoder = self.decoders[list(self.config.features).index(name)]
        assert isinstance(decoder, FeatureDecoder)
        return decoder

    def freeze_geometry(self) -> None:
        """Learn features only from now on."""
        self.geometry_frozen = True
        for module in (self.field, self.proposal_networks, self.camera_optimizer):
            module.requires_grad_(False)

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """Nerfacto's groups and `features`."""
        groups = super().get_param_groups()
        predicted = [] if self.predicted is None else self.predicted.parameters()
        parts = (self.feature_field.parameters(), self.decoders.parameters(), predicted)
        groups["features"] = [parameter for part in parts for parameter in part]
        return groups

    def latent_of_rays(
        self, samples: RaySamples, weights: Float[Tensor, "rays samples"], depth: Tensor
    ) -> Float[Tensor, "rays latent"]:
        """Composited latent of the strongest samples, and from where it is seen.

        Args:
            samples: along each ray.
            weights: their compositing weights.
            depth: distance of each ray's surface, [rays 1].
        """
        if not self.config.feature_moves_geometry:
            weights = weights.detach()
        kept, indices = strongest_samples(weights, self.config.feature_samples_per_ray)
        positions = samples.frustums.get_positions().detach()
        positions = torch.take_along_dim(positions, indices[..., None], dim=1)
        latents = self.feature_field(positions)
        if self.predicted is not None:
            latents = self.predicted(positions, latents)
        latent = composite(kept, latents)
        if not self.config.feature_sees_view:
            return latent
        directions = samples.frustums.directions[:, 0].detach()
        return torch.cat([latent, view_code.view_code(directions, depth.detach())], dim=-1)

    def get_outputs(self, ray_bundle: RayBundle) -> dict[str, Any]:
        """Nerfacto's outputs; in training decoded features, else normals and pictures of them.

        Distributed training hears only of weights that are used here: losses use none.
        """
        outputs, samples, weights = self.outputs_and_samples(ray_bundle)
        latent = self.latent_of_rays(samples, weights, outputs["depth"])
        if self.training:
            outputs["feature_parts"] = {
                name: self.decoder(name).parts(latent) for name in self.config.features
            }
            outputs["directions_norm"] = (ray_bundle.metadata or {}).get("directions_norm")
            return outputs
        if "normals" not in outputs:
            normals = self.normals_of_rays(ray_bundle, outputs["depth"])
            outputs["normals"] = normal_colours(normals)
        features = self.feature_pictures(latent, outputs["rgb"], outputs["accumulation"])
        return {**outputs, **features, **self.other_pictures(samples, weights)}

    def other_pictures(
        self, samples: RaySamples, weights: Float[Tensor, "rays samples"]
    ) -> dict[str, Tensor]:
        """What a descendant renders besides features, [rays channels] each; nothing here."""
        return {}

    def feature_pictures(
        self,
        latent: Float[Tensor, "rays latent"],
        rgb: Float[Tensor, "rays 3"],
        accumulation: Float[Tensor, "rays 1"],
    ) -> dict[str, Tensor]:
        """`feature_pca`, `relevancy` and `query_overlay`, whether or not there is a query."""
        decoder = self.decoder(self.shown_encoder)
        features = decoder(latent)
        saved = (decoder.pca_basis, decoder.pca_range)
        basis, limits = self.shown_colours.get(self.shown_encoder, saved)
        colours = pca_colours(features, decoder.mean, basis, limits)
        score, overlay = torch.zeros_like(accumulation), rgb
        if self.query is not None:
            asked = self.query.encoder
            answered = features if asked == self.shown_encoder else self.decoder(asked)(latent)
            score = relevancy(answered, self.query)[:, None] * accumulation
            found = score > self.query.cut
            overlay = torch.where(found, 0.4 * rgb + 0.6 * heat_colours(score[:, 0]), 0.5 * rgb)
        return {
            "feature_pca": colours * accumulation,
            "relevancy": score,
            "query_overlay": overlay,
        }

    def render_features(self, ray_bundle: RayBundle) -> dict[str, Tensor]:
        """Nerfacto's outputs of a flat ray bundle and each encoder's feature, under its spec."""
        ray_bundle = self.collider(ray_bundle) if self.collider is not None else ray_bundle
        outputs, samples, weights = self.outputs_and_samples(ray_bundle)
        latent = self.latent_of_rays(samples, weights, outputs["depth"])
        features = {name: self.decoder(name)(latent) for name in self.config.features}
        return {**outputs, **features}

    def get_metrics_dict(self, outputs: dict[str, Any], batch: dict[str, Any]) -> dict[str, Tensor]:
        """Nerfacto's metrics and the host's depth loss where the scene has depth."""
        metrics = super().get_metrics_dict(outputs, batch)
        if self.training and "depth_image" in batch and self.config.depth_loss_mult > 0:
            levels = list(zip(outputs["weights_list"], outputs["ray_samples_list"], strict=True))
            metrics["depth_loss"] = sum(
                depth_loss(
                    weights=weights,
                    ray_samples=samples,
                    termination_depth=batch["depth_image"].to(self.device),
                    predicted_depth=outputs["expected_depth"],
                    sigma=torch.tensor([self.config.depth_sigma], device=self.device),
                    directions_norm=outputs["directions_norm"],
                    is_euclidean=False,
                    depth_loss_type=DepthLossType.DS_NERF,
                )
                for weights, samples in levels
            ) / len(levels)
        return metrics

    def get_loss_dict(
        self,
        outputs: dict[str, Any],
        batch: dict[str, Any],
        metrics_dict: dict[str, Tensor] | None = None,
    ) -> dict[str, Tensor]:
        """Nerfacto's losses unless the geometry is frozen, depth, and two per encoder."""
        losses: dict[str, Tensor] = {}
        if not self.geometry_frozen:
            losses = super().get_loss_dict(outputs, batch, metrics_dict)
            if metrics_dict is not None and "depth_loss" in metrics_dict:
                losses["depth_loss"] = self.config.depth_loss_mult * metrics_dict["depth_loss"]
        if self.training:
            losses.update(self.feature_losses(outputs, batch))
        return losses

    def feature_losses(
        self, outputs: dict[str, Any], batch: dict[str, Any]
    ) -> dict[str, Float[Tensor, ""]]:
        """Cosine and robust L2 of every encoder of which the batch holds targets."""
        losses = {}
        opacity = outputs["accumulation"][:, 0].detach()  # what a ray hardly meets teaches little
        for index, name in enumerate(self.config.features):
            target = self.decoder(name).standardised(batch["feature"][name].to(self.device))
            common, of_view = outputs["feature_parts"][name]
            terms = {
                "cosine": cosine_distance(common + of_view, target),
                "l2": robust_l2(common + of_view, target),
                "view": of_view.square().mean(dim=-1),
            }
            for term, values in terms.items():
                weight = getattr(self.config, f"feature_{term}_loss_mult")
                losses[f"feature_{term}_loss_{index}"] = weight * weighted_mean(values, opacity)
        return losses

    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """nerfacto's, without LPIPS where its weights are absent, and the feature pictures."""
        metrics, images = super().get_image_metrics_and_images(outputs, batch)
        if not lpips_weights_on_disk():
            metrics.pop("lpips")
        images["feature_pca"] = outputs["feature_pca"]
        images["query_overlay"] = outputs["query_overlay"]
        return metrics, images
