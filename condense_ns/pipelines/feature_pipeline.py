"""One scene: encoders -> stored features -> data manager -> model -> panel."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackAttributes
from nerfstudio.pipelines.base_pipeline import VanillaPipeline, VanillaPipelineConfig
from torch.cuda.amp.grad_scaler import GradScaler

from condense_ns.data.feature_datamanager import FeatureDataManager, FeatureDataManagerConfig
from condense_ns.errors import UserError
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.models.condense_dense import CondenseDenseModel, CondenseDenseModelConfig
from condense_ns.pipelines.checkpoint_checks import check_encoders, check_keys
from condense_ns.pipelines.distributed_model import distributed, without_wrapper
from condense_ns.pipelines.feature_evaluation import FIGURES, agreement, consistency, depth_error
from condense_ns.pipelines.frozen_geometry import adopt_settings, adopt_weights
from condense_ns.pipelines.held_out_views import HeldOutViews, check_held_out
from condense_ns.pipelines.host_memory import keep_large_buffers
from condense_ns.pipelines.no_steps import allow_no_steps
from condense_ns.pipelines.numpy_scalars import allow_numpy_scalars_in_checkpoints
from condense_ns.pipelines.one_sentence import tell_user_errors_in_one_sentence
from condense_ns.pipelines.option_checks import check_options
from condense_ns.pipelines.panel_host import PanelHost
from condense_ns.pipelines.predicted_features import adopt_prediction, adopt_sizes
from condense_ns.pipelines.saved_config import save_config_again
from condense_ns.viewer.panel_window import ViserPanel


@dataclass
class FeaturePipelineConfig(VanillaPipelineConfig):
    """Which encoders, and the parts of the pipeline."""

    _target: type = field(default_factory=lambda: FeaturePipeline)
    encoders: tuple[str, ...] = ()
    """2D encoders whose features are lifted: dinov2-small|base|large|giant,
    openclip:<arch>/<tag or file>, onnx:<file>[#output], torch:<module:callable>, or mini, a tiny one
    for demonstrations."""
    datamanager: FeatureDataManagerConfig = field(default_factory=FeatureDataManagerConfig)
    """The data manager."""
    model: CondenseDenseModelConfig = field(default_factory=CondenseDenseModelConfig)
    """The model."""


class FeaturePipeline(VanillaPipeline):
    """nerfstudio's pipeline with encoders, geometry from another run and feature metrics."""

    config: FeaturePipelineConfig
    datamanager: FeatureDataManager

    def __init__(
        self,
        config: FeaturePipelineConfig,
        device: str | torch.device,
        test_mode: Literal["test", "val", "inference"] = "val",
        world_size: int = 1,
        local_rank: int = 0,
        grad_scaler: GradScaler | None = None,
    ) -> None:
        tell_user_errors_in_one_sentence()
        allow_numpy_scalars_in_checkpoints()
        if torch.device(device).type == "cpu":
            keep_large_buffers()
        if not config.encoders:
            raise UserError("no encoder given; name one, e.g. --pipeline.encoders dinov2-small")
        check_options(config.model, config.datamanager)
        config.datamanager.encoders = tuple(config.encoders)
        backbone = config.model.backbone if test_mode == "val" else None
        if backbone is not None:
            adopt_sizes(config.model, config.encoders, backbone)
        geometry = config.model.geometry_from if test_mode == "val" else None
        if geometry is not None:
            adopt_settings(config.model, geometry)
        super().__init__(config, str(device), test_mode, 1, local_rank, grad_scaler)
        self.world_size = world_size
        if geometry is not None:
            adopt_weights(self.model, geometry, self.datamanager.train_dataparser_outputs)
        if backbone is not None:
            most = config.model.backbone_most_voxels
            adopt_prediction(self.model, self.datamanager, backbone, most)
        if world_size > 1:  # not before all processes can be given the weights that were taken over
            self._model = distributed(self.model, device, local_rank)
        cameras = self.datamanager.train_dataset.cameras
        host = PanelHost(self.model, self.datamanager.teachers, cameras, self.keypoint_source())
        self.panel = ViserPanel(host)

    def keypoint_source(self) -> Callable[[], Keypoints3D] | None:
        """What makes the scene's keypoints for the viewer; None for methods without."""
        return None

    @property
    def model(self) -> CondenseDenseModel:
        """The model itself, without the wrapper of distributed training."""
        model = super().model
        assert isinstance(model, CondenseDenseModel)
        return model

    def get_training_callbacks(
        self, training_callback_attributes: TrainingCallbackAttributes
    ) -> list[TrainingCallback]:
        """The host's callbacks; saves the config once more, now that feature sizes are known."""
        save_config_again(training_callback_attributes)
        allow_no_steps(training_callback_attributes)  # not before: it is no setting of the user's
        return super().get_training_callbacks(training_callback_attributes)

    def load_pipeline(self, loaded_state: dict[str, Any], step: int) -> None:
        """Load a checkpoint after checking that it fits, which the host does not.

        Raises:
            UserError: it was trained with other encoders or another network.
        """
        state, expected = without_wrapper(loaded_state), without_wrapper(self.state_dict())
        check_encoders(state, self.model, self.config.encoders)
        check_keys(state, {**expected, **_of_scene_size(state, expected)})
        super().load_pipeline(state, step)

    def get_average_eval_image_metrics(
        self, step: int | None = None, output_path: Path | None = None, get_std: bool = False
    ) -> dict[str, float]:
        """The host's metrics and, per encoder, agreement and consistency of features.

        Raises:
            UserError: the scene has no evaluation images.
        """
        check_held_out(self.datamanager)
        metrics = super().get_average_eval_image_metrics(step, output_path, get_std)
        self.eval()
        metrics.update(self.feature_metrics())
        self.train()
        return metrics

    def feature_metrics(self) -> dict[str, float]:
        """Figures of `methods.md` 7.1 and 7.2 on the held-out views, keys numbered by encoder.

        ``feature_<i>_cos_c``, ``_cosine``, ``_r2``, ``_coverage``; ``_mvc``, ``_rnd``, ``_margin``,
        ``_corr1`` of the rendered features and the same with ``_encoder_`` of the encoder's own.
        """
        metrics: dict[str, float] = {}
        for number, spec in enumerate(self.config.encoders):
            held_out = HeldOutViews(self.model, self.datamanager, spec)
            prefix = f"feature_{number}"
            for name, value in agreement(held_out).items():
                metrics[f"{prefix}_{name}"] = value
            found = consistency(held_out)
            for name in FIGURES:
                metrics[f"{prefix}_{name}"] = found["rendered"][name]
                metrics[f"{prefix}_encoder_{name}"] = found["encoder"][name]
            metrics.update(depth_error(held_out))
        return metrics


def _of_scene_size(state: dict[str, Any], expected: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint holds that is as large as its scene asks for."""
    names = ("_model.predicted.voxel_indices", "_model.predicted.latents")
    return {name: state[name] for name in names if name in expected and name in state}
