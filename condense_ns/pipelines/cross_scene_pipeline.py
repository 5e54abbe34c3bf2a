"""Many scenes: data manager -> examples -> a model with nothing of a scene in it.

What cross-scene methods share: examples in place of rays, distributed training on any device,
evaluation in which each held-out view is rendered from its own scene, and a scene that is shown.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackAttributes
from nerfstudio.pipelines.base_pipeline import VanillaPipeline, VanillaPipelineConfig
from nerfstudio.utils.rich_utils import CONSOLE
from torch.cuda.amp.grad_scaler import GradScaler

from condense_ns.data.multi_scene_datamanager import MultiSceneDataManagerConfig
from condense_ns.data.scenes_datamanager import ScenesDataManager, ScenesDataManagerConfig
from condense_ns.errors import UserError
from condense_ns.models.condense_pretrain import CondensePretrainModel
from condense_ns.models.cross_scene_model import CrossSceneModel, CrossSceneModelConfig
from condense_ns.models.lift3d import Lift3DModelConfig
from condense_ns.pipelines.checkpoint_checks import check_fingerprints, check_keys, check_tuning
from condense_ns.pipelines.distributed_model import MODEL, distributed, without_wrapper
from condense_ns.pipelines.host_memory import keep_large_buffers
from condense_ns.pipelines.initial_backbone import begin_with, initial_backbone
from condense_ns.pipelines.no_steps import allow_no_steps
from condense_ns.pipelines.numpy_scalars import allow_numpy_scalars_in_checkpoints
from condense_ns.pipelines.one_sentence import tell_user_errors_in_one_sentence
from condense_ns.pipelines.option_checks import check_cross_scene_options
from condense_ns.pipelines.saved_config import save_config_again
from condense_ns.pipelines.shown_scene import ShownScene, rendered_from, shown_scene
from condense_ns.pipelines.view_figures import means_of_some, noted_figures
from condense_ns.viewer.scene_selector import SceneSelector

SEEDS_PER_STEP = 1 << 16


@dataclass
class CrossScenePipelineConfig(VanillaPipelineConfig):
    """Which encoders, and the parts of the pipeline."""

    _target: type = field(default_factory=lambda: CrossScenePipeline)
    encoders: tuple[str, ...] = ("mini", "gradients")
    """2D encoders whose features are learned from; the first one colours feature_pca."""
    datamanager: ScenesDataManagerConfig = field(default_factory=MultiSceneDataManagerConfig)
    """The data manager."""
    model: CrossSceneModelConfig = field(default_factory=Lift3DModelConfig)
    """The model."""


class CrossScenePipeline(VanillaPipeline):
    """nerfstudio's pipeline over many scenes."""

    config: CrossScenePipelineConfig
    datamanager: ScenesDataManager[Any]

    def __init__(
        self,
        config: CrossScenePipelineConfig,
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
        check_cross_scene_options(config.model, config.datamanager)
        initial = initial_backbone(config.model) if test_mode == "val" else None
        config.datamanager.encoders = tuple(config.encoders)
        super().__init__(config, str(device), test_mode, 1, local_rank, grad_scaler)
        if initial is not None:
            assert isinstance(self.model, CondensePretrainModel)
            common = ", ".join(begin_with(self.model.network, initial)) or "none of its encoders"
            CONSOLE.print(f"Starts from trained weights: the 3D backbone and the parts of {common}")
        self.world_size = world_size
        self._shown = shown_scene(self.datamanager, self.model, next(iter(config.encoders), None))
        self.model.surroundings = self._shown.surroundings
        if world_size > 1:
            self._model = distributed(self.model, device, local_rank)
        self.scene_selector = SceneSelector(self.datamanager)

    @property
    def model(self) -> CrossSceneModel:
        """The model itself, without the wrapper of distributed training."""
        model = super().model
        assert isinstance(model, CrossSceneModel)
        return model

    def get_training_callbacks(
        self, training_callback_attributes: TrainingCallbackAttributes
    ) -> list[TrainingCallback]:
        """The host's callbacks; saves the config once more, now that feature sizes are known."""
        save_config_again(training_callback_attributes)
        allow_no_steps(training_callback_attributes)  # not before: it is no setting of the user's
        return super().get_training_callbacks(training_callback_attributes)

    def get_train_loss_dict(self, step: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Losses of the examples of a step."""
        _, batch = self.datamanager.next_train(step)
        return self._losses(self._model, batch, step)

    def get_eval_loss_dict(self, step: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        """Losses of a held-out view."""
        self.eval()
        _, batch = self.datamanager.next_eval(step)
        with torch.no_grad():
            found = self._losses(self.model, batch, step)
        self.train()
        return found

    def _losses(
        self, model: torch.nn.Module, batch: dict[str, Any], step: int
    ) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        first = self.datamanager.slots.own[0]
        seeds = [step * SEEDS_PER_STEP + first + at for at in range(len(batch["examples"]))]
        outputs = model(list(zip(batch["examples"], seeds, strict=True)))
        metrics = self.model.get_metrics_dict(outputs, batch)
        return outputs, self.model.get_loss_dict(outputs, batch, metrics), metrics

    def get_eval_image_metrics_and_images(self, step: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Metrics and pictures of the next held-out view, rendered from its own scene."""
        self.eval()
        camera, batch = self.datamanager.next_eval_image(step)
        with rendered_from(self.model, self._shown.of_example(batch["examples"][0])):
            outputs = self.model.get_outputs_for_camera(camera)
        metrics, images = self.model.get_image_metrics_and_images(outputs, batch)
        metrics["num_rays"] = int(camera.height * camera.width)
        self.train()
        return metrics, images

    def get_average_image_metrics(
        self,
        data_loader: Any,
        image_prefix: str,
        step: int | None = None,
        output_path: Path | None = None,
        get_std: bool = False,
    ) -> dict[str, float]:
        """The host's, each view rendered from its own scene, each figure over the views that have it.

        Raises:
            UserError: no scene that is evaluated has held-out views.
        """
        if len(data_loader) == 0:
            raise UserError(
                f"no scene of {self.datamanager.get_datapath()} that is evaluated has held-out "
                "views; list one that has some below val or test"
            )
        surrounded = _Surrounded(data_loader, self._shown, self.model)
        with noted_figures(self.model) as noted:
            means = super().get_average_image_metrics(
                surrounded, image_prefix, step, output_path, get_std
            )
        return means | means_of_some(noted, get_std)

    def load_pipeline(self, loaded_state: dict[str, Any], step: int) -> None:
        """Load a checkpoint after checking that it fits.

        Raises:
            UserError: it was trained with another network or other encoders.
        """
        state, expected = without_wrapper(loaded_state), without_wrapper(self.state_dict())
        check_tuning(state, expected)
        check_keys(state, expected)
        check_fingerprints(state, expected)
        own = {key.removeprefix(MODEL): state[key] for key in state if key.startswith(MODEL)}
        self.model.load_state_dict(own)
        self.model.update_to_step(step)


class _Surrounded:
    """Cameras and batches; while one is looked at, the model renders from its example."""

    def __init__(
        self,
        loader: Iterable[tuple[Cameras, dict[str, Any]]],
        shown: ShownScene,
        model: CrossSceneModel,
    ) -> None:
        self._loader, self._shown, self._model = loader, shown, model

    def __len__(self) -> int:
        return len(self._loader)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[tuple[Cameras, dict[str, Any]]]:
        for camera, batch in self._loader:
            with rendered_from(self._model, self._shown.of_example(batch["examples"][0])):
                yield camera, batch
