"""A trained run, opened from its config file, wherever its folder lies by now."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.models.nerfacto import NerfactoModel, NerfactoModelConfig
from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.errors import UserError
from condense_ns.models.lazy_lpips import lpips_deferred
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.frozen_geometry import read_run
from condense_ns.pipelines.run_checkpoint import newest_checkpoint


@dataclass(frozen=True)
class RadianceRun:
    """A fitted radiance field and the cameras that it was fitted to."""

    model: NerfactoModel
    """In evaluation mode."""
    outputs: DataparserOutputs
    """Training views, in the model's frame."""
    name: str
    """For messages."""


def load_run(load_config: Path) -> FeaturePipeline:
    """The pipeline of a run, in evaluation mode.

    Raises:
        UserError: no such run, no checkpoint in it, or not a run of condense-dense.
    """
    config = read_run(load_config)
    if not issubclass(config.pipeline._target, FeaturePipeline):
        raise UserError(
            f"{load_config} is a run of {config.method_name}: this command needs features; train "
            "condense-dense, e.g. on that run's geometry with --pipeline.model.geometry-from"
        )
    beside = _taken_from_beside(load_config)
    _, pipeline, _, _ = eval_setup(load_config, test_mode="test", update_config_callback=beside)
    assert isinstance(pipeline, FeaturePipeline)
    return pipeline


def load_radiance_run(load_config: Path) -> RadianceRun:
    """A run of nerfacto or of a method that grew from it; its photographs are not read.

    Raises:
        UserError: no such run, no checkpoint in it, a run of another kind, or one whose scene is gone.
    """
    config = read_run(load_config)
    if not isinstance(config.pipeline.model, NerfactoModelConfig):
        raise UserError(
            f"{load_config} is a run of {config.method_name}, which fits no density to a scene; give one of "
            "nerfacto, condense-dense or condense-sparse"
        )
    beside = _taken_from_beside(load_config)
    _check_scene(load_config, config)
    with lpips_deferred():
        _, pipeline, _, _ = eval_setup(
            load_config, test_mode="inference", update_config_callback=beside
        )
    model, outputs = pipeline.model, pipeline.datamanager.train_dataparser_outputs
    assert isinstance(model, NerfactoModel)
    assert isinstance(outputs, DataparserOutputs)
    return RadianceRun(model, outputs, f"the run {load_config}")


def _taken_from_beside(load_config: Path) -> Callable[[TrainerConfig], TrainerConfig]:
    """Have the host take the checkpoint beside the file, not where the run was trained.

    Raises:
        UserError: no checkpoint is there, or it is damaged.
    """
    checkpoint = newest_checkpoint(load_config).resolve()

    def with_checkpoint(config: TrainerConfig) -> TrainerConfig:
        config.relative_model_dir = checkpoint.parent  # joined to another folder, it stays
        config.load_step = int(checkpoint.stem.removeprefix("step-"))
        return config

    return with_checkpoint


def _check_scene(load_config: Path, config: TrainerConfig) -> None:
    """The host's data parsers only assert that it is there."""
    scene = config.pipeline.datamanager.data or config.data
    if scene is not None and not scene.exists():
        raise UserError(
            f"{load_config} was trained on {scene}, which is not there; put the scene back"
        )
