"""Are the numbers of the options in range? Asked before anything is read or built."""

from typing import TYPE_CHECKING

from condense_ns.data.feature_datamanager import FeatureDataManagerConfig
from condense_ns.data.scenes_datamanager import ScenesDataManagerConfig
from condense_ns.data.volume_datamanager import VolumeDataManagerConfig
from condense_ns.errors import UserError
from condense_ns.models.condense_dense import CondenseDenseModelConfig
from condense_ns.models.condense_pretrain import CondensePretrainModelConfig
from condense_ns.models.condense_sparse import CondenseSparseModelConfig
from condense_ns.models.cross_scene_model import CrossSceneModelConfig
from condense_ns.models.keypoint_training import LOSSES
from condense_ns.models.lift3d import Lift3DModelConfig

if TYPE_CHECKING:
    from condense_ns.pipelines.sparse_pipeline import SparsePipelineConfig

AT_LEAST_ONE = (
    "feature_latent_dim",
    "feature_num_levels",
    "feature_max_res",
    "feature_log2_hashmap_size",
    "feature_per_level",
    "feature_samples_per_ray",
    "backbone_most_voxels",
)
AT_LEAST_ZERO = (
    "feature_hidden_dim",
    "feature_cosine_loss_mult",
    "feature_l2_loss_mult",
    "feature_view_loss_mult",
    "depth_loss_mult",
)
OF_THE_DATA = ("encoder_image_size", "feature_components", "train_num_rays_per_batch")

OF_KEYPOINT_TRAINING = {"start": 0, "steps": 1, "every": 1}
OF_KEYPOINTS = {
    "image_size": 32,
    "descriptor_dim": 1,
    "head_width": 1,
    "num_levels": 1,
    "max_res": 1,
    "log2_hashmap_size": 1,
    "samples_per_ray": 1,
    **{f"{name}_loss_mult": 0 for name in LOSSES},
}
"""Smallest values of the options that begin with `keypoint_`, of the pipeline and of the model."""
OF_LIFTING = {
    "depth_planes": 3,
    "samples_per_ray": 1,
    "window_height": 8,
    "window_width": 8,
    "rays_per_step": 1,
    "feature_rays_per_step": 0,
    "picture_side": 16,
    "picture_loss_mult": 0,
    "rgb_loss_mult": 0,
    "plane_loss_mult": 0,
    "fine_plane_loss_mult": 0,
    "depth_loss_mult": 0,
    "feature_cosine_loss_mult": 0,
    "feature_l2_loss_mult": 0,
    "eval_image_size": 8,
    "eval_num_rays_per_chunk": 1,
}
"""Smallest values of the options of lift3d's model."""
OF_PRETRAINING = {
    "latent_dim": 1,
    "decoder_hidden_dim": 0,
    "refiner_width": 1,
    "tuned_blocks": 0,
    "lora_rank": 0,
    "eval_image_size": 8,
    **{
        f"{name}_loss_mult": 0
        for name in (
            "lifted",
            "refined",
            "steady",
            "alike",
            "told",
            "anchor",
            "transfer",
            "correspondence",
            "score_consistency",
            "score_peakedness",
            "score_repeatability",
            "score_prior",
            "language",
        )
    },
}
"""Smallest values of the options of condense-pretrain's model."""


def check_options(model: CondenseDenseModelConfig, data: FeatureDataManagerConfig) -> None:
    """Check every number that is ours.

    Raises:
        UserError: with the option as it is written on the command line, its value and its range.
    """
    for name in AT_LEAST_ONE:
        _check("model.", name, getattr(model, name), 1)
    for name in AT_LEAST_ZERO:
        _check("model.", name, getattr(model, name), 0)
    for name in OF_THE_DATA:
        _check("datamanager.", name, getattr(data, name), 1)
    if not model.depth_sigma > 0:
        raise UserError(f"--pipeline.model.depth-sigma is {model.depth_sigma}, it must be above 0")


def check_keypoint_options(
    pipeline: "SparsePipelineConfig", model: CondenseSparseModelConfig
) -> None:
    """Check every number of keypoints.

    Raises:
        UserError: as for `check_options`.
    """
    for part, owner, limits in (
        ("", pipeline, OF_KEYPOINT_TRAINING),
        ("model.", model, OF_KEYPOINTS),
    ):
        for ending, least in limits.items():
            name = f"keypoint_{ending}"
            _check(part, name, getattr(owner, name), least)


def check_cross_scene_options(
    model: CrossSceneModelConfig, datamanager: ScenesDataManagerConfig
) -> None:
    """Check every number of a model over many scenes; tell the data manager what is trained for.

    Raises:
        UserError: as for `check_options`.
    """
    limits = OF_LIFTING if isinstance(model, Lift3DModelConfig) else OF_PRETRAINING
    for name, least in limits.items():
        _check("model.", name, getattr(model, name), least)
    if not any(getattr(model, name) for name in limits if name.endswith("_loss_mult")):
        raise UserError(
            "all weights of losses, --pipeline.model.*-loss-mult, are 0, so that nothing would be learnt; "
            "leave one above it"
        )
    if isinstance(model, CondensePretrainModelConfig):
        if not model.objectives:
            raise UserError(
                "--pipeline.model.objectives is empty; name what is trained for, e.g. condense mvnet"
            )
        if isinstance(datamanager, VolumeDataManagerConfig):
            _check_views(model, datamanager.views_per_example)
            datamanager.objectives = model.objectives
            datamanager.tuned_blocks, datamanager.lora_rank = model.tuned_blocks, model.lora_rank


def _check_views(model: CondensePretrainModelConfig, views: int) -> None:
    """Do examples have the two views that some losses compare?"""
    remedy = None
    if "sparse" in model.objectives:
        remedy = "leave sparse out of --pipeline.model.objectives"
    elif "mvnet" in model.objectives and model.correspondence_loss_mult > 0:
        remedy = "set --pipeline.model.correspondence-loss-mult 0"
    if views == 1 and remedy:
        raise UserError(
            f"--pipeline.datamanager.views-per-example is 1, but what is trained for compares two; give 2 or "
            f"more, or {remedy}"
        )


def _check(part: str, name: str, value: float | int | None, least: int) -> None:
    if value is not None and not value >= least:
        option = f"--pipeline.{part}{name.replace('_', '-')}"
        raise UserError(f"{option} is {value}, it must be at least {least}")
