"""condense-dense's pipeline with keypoints: trained in pairs of views, condensed on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackAttributes
from nerfstudio.utils.comms import get_rank
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.models.condense_sparse import CondenseSparseModel, CondenseSparseModelConfig
from condense_ns.models.keypoint_training import PairLesson, PairView
from condense_ns.pipelines.checkpoint_checks import check_teacher
from condense_ns.pipelines.condensing import CondenseOptions, condense
from condense_ns.pipelines.feature_pipeline import FeaturePipeline, FeaturePipelineConfig
from condense_ns.pipelines.one_sentence import tell_user_errors_in_one_sentence
from condense_ns.pipelines.option_checks import check_keypoint_options
from condense_ns.pipelines.photo_detector import PhotoDetector, Prior
from condense_ns.pipelines.view_pairs import ViewPairs


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


SHOWN = 20_000
"""Keypoints in the viewer, at most."""


class SparsePipeline(FeaturePipeline):
    """Adds keypoint losses to those of condense-dense."""

    config: SparsePipelineConfig

    def __init__(
        self,
        config: SparsePipelineConfig,
        device: str | torch.device,
        test_mode: Literal["test", "val", "inference"] = "val",
        **options: Any,
    ) -> None:
        tell_user_errors_in_one_sentence()
        check_keypoint_options(config, config.model)
        # a wrong file is told before anything else is done; viewing needs no prior
        self._prior = Prior(config.keypoint_prior, str(device)) if test_mode == "val" else None
        super().__init__(config, device, test_mode, **options)
        self._pairs: ViewPairs | None = None

    def keypoint_source(self) -> Callable[[], Keypoints3D]:
        """Condenses as many keypoints as the viewer shows smoothly."""
        return lambda: condense(self, CondenseOptions(count=SHOWN))

    @property
    def model(self) -> CondenseSparseModel:
        """The model itself, without the wrapper of distributed training."""
        model = super().model
        assert isinstance(model, CondenseSparseModel)
        return model

    def get_training_callbacks(
        self, training_callback_attributes: TrainingCallbackAttributes
    ) -> list[TrainingCallback]:
        """Those of condense-dense; warns if training ends before keypoints begin."""
        trainer, start = training_callback_attributes.trainer, self.config.keypoint_start
        if trainer is not None and trainer.local_rank == 0:
            end = trainer._start_step + trainer.config.max_num_iterations
            if start >= end:
                CONSOLE.print(
                    f"keypoints will not be trained: training ends after {end} steps and they start at step "
                    f"{start}; give a smaller --pipeline.keypoint-start",
                    style="yellow",
                    soft_wrap=True,
                )
        return super().get_training_callbacks(training_callback_attributes)

    def get_train_loss_dict(self, step: int) -> tuple[Any, dict[str, Tensor], dict[str, Tensor]]:
        """Those of condense-dense, and from `keypoint_start` on those of a pair of views."""
        since = step - self.config.keypoint_start
        if since < 0 or since % self.config.keypoint_every:
            return super().get_train_loss_dict(step)
        ray_bundle, batch = self.datamanager.next_train(step)
        outputs = self._model(ray_bundle, self._lesson(step, since))
        metrics = self.model.get_metrics_dict(outputs, batch)
        return outputs, self.model.get_loss_dict(outputs, batch, metrics), metrics

    def _lesson(self, step: int, since: int) -> PairLesson:
        """Each process of distributed training draws a pair of its own."""
        seed = step * self.world_size + get_rank()
        progress = min(1.0, since / self.config.keypoint_steps)
        return PairLesson(self._draw, progress, torch.Generator().manual_seed(seed))

    def _draw(self, generator: torch.Generator) -> tuple[PairView, PairView]:
        if self._pairs is None:
            self.model.eval()
            spec = self.config.encoders[0]
            self._pairs = ViewPairs(self.model, self.datamanager, spec, self.prior())
            self.model.train()
        return self._pairs.draw(generator)

    def prior(self) -> Prior:
        """The detector that keypoints start from, built when first asked for.

        Raises:
            UserError: it cannot be built.
        """
        if self._prior is None:
            self._prior = Prior(self.config.keypoint_prior, str(self.device))
        return self._prior

    def detector(self, max_keypoints: int = 1024) -> PhotoDetector:
        """The 2D head on photographs of any scene.

        Raises:
            UserError: its encoder or its prior cannot be built, or is another than that of the run.
        """
        spec = self.config.encoders[0]
        encoder = self.datamanager.teachers[spec]
        check_teacher(self.model, encoder)
        image_size = self.datamanager.config.encoder_image_size
        return PhotoDetector(
            encoder, self.prior(), self.model.keypoint_head, max_keypoints, image_size
        )
