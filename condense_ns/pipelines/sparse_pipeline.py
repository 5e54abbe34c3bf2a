"""condense-dense's pipeline with keypoints: trained in pairs of views, condensed on demand."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.cuda.amp.grad_scaler import GradScaler

from condense_ns.errors import UserError
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.models.condense_sparse import CondenseSparseModel, CondenseSparseModelConfig
from condense_ns.models.keypoint_training import LOSSES
from condense_ns.pipelines.checkpoint_checks import check_teacher
from condense_ns.pipelines.condensing import CondenseOptions, condense
from condense_ns.pipelines.feature_pipeline import FeaturePipeline, FeaturePipelineConfig
from condense_ns.pipelines.one_sentence import tell_user_errors_in_one_sentence
from condense_ns.pipelines.panel_host import PanelHost
from condense_ns.pipelines.photo_detector import PhotoDetector, Prior
from condense_ns.pipelines.view_pairs import ViewPairs
from condense_ns.viewer.panel_window import ViserPanel


@dataclass
class SparsePipelineConfig(FeaturePipelineConfig):
    """How keypoints are trained; the first encoder is the one whose features they read."""

    _target: type = field(default_factory=lambda: SparsePipeline)
    keypoint_prior: str = "shi-tomasi"
    """Detector that keypoints start from: shi-tomasi, dog, or an encoder that answers keypoint logits
    for cells, e.g. onnx:net.onnx#logits."""
    keypoint_start: int = 15_000
    """Step from which keypoints are trained: the geometry must tell by then what is the same place."""
    keypoint_steps: int = 15_000
    """Steps over which their prior fades."""
    keypoint_every: int = 4
    """Steps from one pair of views to the next."""
    model: CondenseSparseModelConfig = field(default_factory=CondenseSparseModelConfig)
    """The model."""


LEAST = {"start": 0, "steps": 1, "every": 1}
LEAST_OF_THE_MODEL = {
    "image_size": 32,
    **dict.fromkeys(
        (
            "descriptor_dim",
            "head_width",
            "num_levels",
            "max_res",
            "log2_hashmap_size",
            "samples_per_ray",
        ),
        1,
    ),
    **{f"{name}_loss_mult": 0 for name in LOSSES},
}
"""Smallest values of the options that begin with `keypoint_`."""


class SparsePipeline(FeaturePipeline):
    """Adds keypoint losses to those of condense-dense."""

    config: SparsePipelineConfig

    def __init__(
        self,
        config: SparsePipelineConfig,
        device: str | torch.device,
        test_mode: Literal["test", "val", "inference"] = "val",
        world_size: int = 1,
        local_rank: int = 0,
        grad_scaler: GradScaler | None = None,
    ) -> None:
        tell_user_errors_in_one_sentence()
        _check(config)
        prior = Prior(config.keypoint_prior, str(device)) if test_mode == "val" else None
        super().__init__(config, device, test_mode, world_size, local_rank, grad_scaler)
        self._pairs: ViewPairs | None = None
        self._prior = prior
        cameras = self.datamanager.train_dataset.cameras
        host = PanelHost(self.model, self.datamanager.teachers, cameras, self._condensed)
        self.panel = ViserPanel(host)

    @property
    def model(self) -> CondenseSparseModel:
        """The model itself, without the wrapper of distributed training."""
        model = super().model
        assert isinstance(model, CondenseSparseModel)
        return model

    def get_train_loss_dict(self, step: int) -> tuple[Any, dict[str, Tensor], dict[str, Tensor]]:
        """Those of condense-dense, and from `keypoint_start` on those of a pair of views."""
        outputs, losses, metrics = super().get_train_loss_dict(step)
        since = step - self.config.keypoint_start
        if since >= 0 and since % self.config.keypoint_every == 0:
            losses.update(self._keypoint_losses(step, since))
        return outputs, losses, metrics

    def _keypoint_losses(self, step: int, since: int) -> dict[str, Tensor]:
        # half precision is too coarse for scores near 0 and 1, and torch refuses their entropy in it
        with torch.autocast(torch.device(self.device).type, enabled=False):
            return self._losses_of_a_pair(step, since)

    def _losses_of_a_pair(self, step: int, since: int) -> dict[str, Tensor]:
        if self._pairs is None:
            prior = self._prior or Prior(self.config.keypoint_prior, str(self.device))
            self.model.eval()
            spec = self.config.encoders[0]
            self._pairs = ViewPairs(self.model, self.datamanager, spec, prior)
            self.model.train()
        generator = torch.Generator().manual_seed(step)
        progress = min(1.0, since / self.config.keypoint_steps)
        pair = self._pairs.draw(generator)
        return self.model.keypoint_losses(pair, progress, generator)

    def detector(self, max_keypoints: int = 1024) -> PhotoDetector:
        """The 2D head on photographs of any scene.

        Raises:
            UserError: its encoder or its prior cannot be built, or is another than that of the run.
        """
        spec, device = self.config.encoders[0], str(self.device)
        prior = self._prior or Prior(self.config.keypoint_prior, device)
        encoder = self.datamanager.teachers[spec]
        check_teacher(self.model, encoder)
        image_size = self.datamanager.config.encoder_image_size
        return PhotoDetector(encoder, prior, self.model.keypoint_head, max_keypoints, image_size)

    def _condensed(self) -> Keypoints3D:
        return condense(self, CondenseOptions(count=20_000))


def _check(config: SparsePipelineConfig) -> None:
    """Raises: UserError for numbers that are out of range."""
    for part, owner, limits in (
        ("", config, LEAST),
        ("model.", config.model, LEAST_OF_THE_MODEL),
    ):
        for name, least in limits.items():
            value = getattr(owner, f"keypoint_{name}")
            if not value >= least:
                option = f"--pipeline.{part}keypoint-{name.replace('_', '-')}"
                raise UserError(f"{option} is {value}, it must be at least {least}")
