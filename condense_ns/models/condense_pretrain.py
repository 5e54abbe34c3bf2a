"""condense-pretrain: one 2D and one 3D network for all scenes (ConDense and MVNet together).

nerfstudio's model around `pretraining.joint_network`. Nothing in it belongs to a scene: in training it
gets examples, and to render a camera it asks `surroundings` for the volume of the scene.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
import tyro
from jaxtyping import Float
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.scene_box import OrientedBox
from torch import Tensor
from torch.nn import Parameter

from condense_ns.errors import UserError
from condense_ns.fields.voxel_pyramid import VoxelPyramid
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.metrics.feature_agreement import feature_agreement
from condense_ns.models.cross_scene_model import (
    CrossSceneModel,
    CrossSceneModelConfig,
    along_the_ray,
    enlarged,
)
from condense_ns.models.pinhole_camera import pinhole_of
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.joint_training import joint_losses
from condense_ns.pretraining.pretrain_example import PretrainExample
from condense_ns.pretraining.volume_rendering import LookAtVolume, RenderedVolume, render_volume
from condense_ns.rendering.pca_colours import pca_colours
from condense_ns.tensors import FeatureStatistics, TailShape, TailWeights
from condense_ns.volumes.sparse_volume import SparseVolume

Objective = Literal["condense", "refine", "mvnet", "sparse", "language"]


@dataclass(frozen=True)
class VolumeAround:
    """What cameras in a scene are rendered from."""

    volume: SparseVolume
    pyramid: VoxelPyramid


@dataclass
class CondensePretrainModelConfig(CrossSceneModelConfig):
    """Settings of condense-pretrain."""

    _target: type = field(default_factory=lambda: CondensePretrainModel)
    features: tyro.conf.Suppress[dict[str, int]] = field(default_factory=dict)
    """Channels per encoder. Filled in when training starts and saved with the run, so that viewing
    needs neither the encoders nor their features."""
    tails: tyro.conf.Suppress[dict[str, dict[str, Any]] | None] = None
    """Sizes of the encoders' last blocks, if these are trained; filled in and saved likewise."""
    initial_weights: Path | None = None
    """What condense export backbone wrote, or "shipped" for what comes with the package: training starts from it, as
    far as sizes and encoders are the same; None starts from random weights."""
    objectives: tuple[Objective, ...] = ("condense", "mvnet")
    """What is trained for: 2D and 3D features that agree along rays, 2D ones also from view to view (condense); the
    latter alone, without the 3D network (refine); visible voxels that know 2D features and where they land in
    other views (mvnet); keypoint scores, which leave the features as they are (sparse); regions near their captions, for encoders with text on annotated scenes (language)."""
    preset: Literal["S", "M", "L"] = "M"
    """Size of the 3D backbone: 3, 15 or 54 million weights."""
    latent_dim: int = 64
    """Numbers per voxel, which all encoders' decoders read."""
    decoder_hidden_dim: int = 128
    """Width of the decoders; 0 makes them affine."""
    refiner_width: int = 128
    """Width of the 2D branch, if it is an adapter behind the encoder."""
    tuned_blocks: int = 0
    """How many of the encoders' last transformer blocks are the 2D branch and are trained, from their own
    weights on; 0: the encoders stay as they are, and the 2D branch is an adapter behind them."""
    lora_rank: int = 8
    """Rank of the updates by which these blocks learn (LoRA); 0 trains all their weights."""
    lifted_loss_mult: float = 0.3
    """condense: rendered features follow what is read out of the refined 2D features."""
    refined_loss_mult: float = 0.1
    """condense: what is read out of the refined 2D features follows the rendered ones."""
    steady_loss_mult: float = 1.0
    """condense, refine: refined 2D features of a surface are what the encoder says of it in another view."""
    alike_loss_mult: float = 5.0
    """condense, refine: refined 2D features of a surface point the same way from both views; more makes them steadier
    and less like the encoder's."""
    told_loss_mult: float = 8.0
    """condense, refine: a linear layer reads from refined 2D features what the encoder says in another view."""
    anchor_loss_mult: float = 0.1
    """condense, refine: refined 2D features stay near the encoder's own; with this and *steady* at 0 both branches may
    collapse."""
    transfer_loss_mult: float = 2.0
    """mvnet: visible voxels follow the encoder's own features."""
    correspondence_loss_mult: float = 4.0
    """mvnet: distance, in parts of the image, from where cells land in other views."""
    score_consistency_loss_mult: float = 0.1
    """sparse: scores of both branches agree."""
    score_peakedness_loss_mult: float = 0.1
    """sparse: patches of scores have peaks."""
    score_repeatability_loss_mult: float = 0.1
    """sparse: patches of scores look alike from other views."""
    score_prior_loss_mult: float = 0.1
    """sparse: 2D scores begin as a classical detector's."""
    language_loss_mult: float = 0.2
    """language: cross-entropy of a region's own caption among all of its scene."""

    @property
    def tail_shapes(self) -> dict[str, TailShape]:
        """Of the encoders' last blocks, if these are trained, by the encoders' specs."""
        return {name: TailShape(**sizes) for name, sizes in (self.tails or {}).items()}


class CondensePretrainModel(CrossSceneModel):
    """The networks, their losses, and pictures of cameras."""

    config: CondensePretrainModelConfig

    def populate_modules(self) -> None:
        """Build the networks for the encoders of the run."""
        super().populate_modules()
        config = self.config
        statistics: dict[str, FeatureStatistics] = self.kwargs["metadata"].get("features", {})
        tails: dict[str, TailWeights] = self.kwargs["metadata"].get("tails", {})
        if statistics:
            config.features = {name: known.channels for name, known in statistics.items()}
            config.tails = {
                name: asdict(replace(tail.shape, rank=config.lora_rank))
                for name, tail in tails.items()
            }
        if not config.features:
            raise UserError("no encoder given; name one, e.g. --pipeline.encoders dinov2-small")
        self.network = JointNetwork(
            config.features,
            config.preset,
            config.latent_dim,
            config.decoder_hidden_dim,
            config.refiner_width,
            config.tail_shapes,
        )
        for name, tail in self.network.branch_2d.tails.items():
            if name in tails:
                tail.take_over(tails[name].weights)
        for name, known in statistics.items():
            self.network.decoders.of_encoder(name).remember(known)
        self._latents: tuple[Tensor, Tensor] | None = None
        self.register_load_state_dict_post_hook(lambda model, _: model._forget_latents())

    def get_param_groups(self) -> dict[str, list[Parameter]]:
        """All of the networks; trained blocks of encoders learn more slowly, low-rank updates less so."""
        tuned = self.network.branch_2d.tuned_weights
        apart = {id(weight) for weight in tuned}
        others = [
            weight
            for weight in self.network.parameters()
            if weight.requires_grad and id(weight) not in apart
        ]
        if not tuned:
            return {"network": others}
        return {"network": others, "lora" if self.config.lora_rank else "tuned_blocks": tuned}

    def get_outputs(self, ray_bundle: Any) -> dict[str, Any]:
        """Losses of examples, by name, averaged; distributed training listens here.

        Args:
            ray_bundle: examples and a seed for each, in place of the host's rays.
        """
        if self.training:
            self._forget_latents()  # a step of training follows
        examples = [example for example, _ in ray_bundle]
        return joint_losses(self.network, examples, self.config.objectives)

    @torch.no_grad()
    def get_outputs_for_camera(
        self, camera: Cameras, obb_box: OrientedBox | None = None
    ) -> dict[str, Tensor]:
        """``rgb``, ``depth``, ``accumulation``, ``feature_pca`` of a camera, from the shown scene.

        Args:
            camera: one camera.
            obb_box: not used; the volume is cut by nothing.
        """
        assert self.surroundings is not None
        wanted = pinhole_of(camera.to(self.device))
        size = self.rendered_size(wanted)
        target = wanted.resized(*size)
        around: VolumeAround = self.surroundings(target)
        look = LookAtVolume(around.volume, target, self.latents_of(around))
        found = render_volume(look, *size)
        _, directions = pixel_rays(grid_places(*size, self.device), target)
        outputs = {
            "rgb": found.rgb,
            "depth": along_the_ray(found.depth, directions),
            "accumulation": found.accumulation,
            "feature_pca": self._feature_colours(found),
        }
        full = (wanted.height, wanted.width)
        return {name: enlarged(values, full) for name, values in outputs.items()}

    def latents_of(self, around: VolumeAround) -> Float[Tensor, "voxels latent"]:
        """Of a scene's voxels; kept until another scene is asked for, or the network learns."""
        voxels = around.volume.voxel_indices
        kept = self._latents
        if kept is None or kept[0] is not voxels:
            found = self.network.backbone([around.volume], around.pyramid)[0]
            self._latents = kept = (voxels, found.detach())
        return kept[1]

    def _forget_latents(self) -> None:
        self._latents = None

    def _feature_colours(self, found: RenderedVolume) -> Float[Tensor, "height width 3"]:
        """Features of the first encoder as colours; black where nothing is seen."""
        spec = next(iter(self.config.features))
        decoder = self.network.decoders.of_encoder(spec)
        features = decoder(found.latents.flatten(0, 1)).unflatten(0, found.latents.shape[:2])
        colours = pca_colours(features, decoder.mean, decoder.pca_basis, decoder.pca_range)
        return colours * (found.accumulation > 0)

    @torch.no_grad()
    def get_image_metrics_and_images(
        self, outputs: dict[str, Tensor], batch: dict[str, Any]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Agreement of rendered and refined with 2D features of a held-out view, PSNR, SSIM, LPIPS.

        ``cos_c`` is the cosine after removing the mean of the training scenes' features: of rendered
        3D features and the encoder's own, of rendered and refined ones, of refined and own ones.
        """
        true, found = batch["image"].to(self.device)[..., :3], outputs["rgb"]
        metrics: dict[str, float] = self.picture_metrics(found, batch)
        images = {"img": torch.cat([true, found], dim=1)}
        pictures = [outputs["feature_pca"]]
        example: PretrainExample = batch["examples"][0]
        latents = self.latents_of(VolumeAround(example.volume, example.pyramid))
        for number, (spec, maps) in enumerate(example.features.items()):
            metrics |= self._agreement(spec, example, latents)
            if number == 0:
                decoder = self.network.decoders.of_encoder(spec)
                shown = (decoder.mean, decoder.pca_basis, decoder.pca_range)
                colours = pca_colours(maps[0], *shown)
                pictures.insert(0, enlarged(colours, (true.shape[0], true.shape[1])))
        images["feature_pca"] = torch.cat(pictures, dim=1)
        return metrics, images

    def _agreement(
        self, spec: str, example: PretrainExample, latents: Float[Tensor, "voxels latent"]
    ) -> dict[str, float]:
        """Nothing, if masks leave no cell."""
        network, seen = self.network, example.seen[spec]
        counted, original = seen.counted, network.standardised(spec, example.features[spec])
        if not counted.any():
            return {}
        trunks = example.trunks.get(spec, ())
        refined = network.refined(spec, original, trunks).flatten(1, 2)[counted]
        rendered = network.decoded(spec, seen.composite(latents))[counted]
        original = original.flatten(1, 2)[counted]
        visible, mean = seen.visible[counted], original.new_zeros(original.shape[1])
        against = feature_agreement(rendered, original, mean, visible)
        return {
            f"{spec} cos_c": against["cos_c"],
            f"{spec} coverage": against["coverage"],
            f"{spec} cos_c to refined": feature_agreement(rendered, refined, mean, visible)[
                "cos_c"
            ],
            f"{spec} cos_c of refined": feature_agreement(refined, original, mean, visible)[
                "cos_c"
            ],
        }
