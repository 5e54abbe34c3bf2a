"""condense-dense's pipeline with keypoints: trained in pairs of views, condensed on demand."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor
from torch.cuda.amp.grad_scaler import GradScaler

from condense_ns.errors import UserError
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.models.condense_sparse import CondenseSparseModel, CondenseSparseModelConfig
from condense_ns.pipelines.condensing import CondenseOptions, condense
from condense_ns.pipelines.feature_pipeline import FeaturePipeline, FeaturePipelineConfig
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
        if self._pairs is None:
            prior = self._prior or Prior(self.config.keypoint_prior, str(self.device))
            self.model.eval()
            spec = self.config.encoders[0]
            self._pairs = ViewPairs(self.model, self.datamanager, spec, prior)
            self.model.train()
        generator = torch.Generator().manual_seed(step)
        progress = min(1.0, since / self.config.keypoint_steps)
        return self.model.keypoint_losses(self._pairs.draw(generator), progress, generator)

    def detector(self, max_keypoints: int = 1024) -> PhotoDetector:
        """The 2D head on photographs of any scene.

        Raises:
            UserError: its encoder or its prior cannot be built, or is another than that of the run.
        """
        spec, device = self.config.encoders[0], str(self.device)
        prior = self._prior or Prior(self.config.keypoint_prior, device)
        encoder = self.datamanager.teachers[spec]
        return PhotoDetector(encoder, prior, self.model.keypoint_head, max_keypoints)

    def _condensed(self) -> Keypoints3D:
        return condense(self, CondenseOptions(count=20_000))


def _check(config: SparsePipelineConfig) -> None:
    """Raises: UserError for numbers that are out of range."""
    for name, least in (("keypoint_start", 0), ("keypoint_steps", 1), ("keypoint_every", 1)):
        value = getattr(config, name)
        if value < least:
            option = f"--pipeline.{name.replace('_', '-')}"
            raise UserError(f"{option} is {value}, it must be at least {least}")
