"""A trained run, opened from its config file."""

from pathlib import Path

from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.errors import UserError
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.frozen_geometry import read_run


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
    if not any((load_config.parent / "nerfstudio_models").glob("step-*.ckpt")):
        raise UserError(f"{load_config.parent} has no checkpoint; let ns-train finish first")
    _, pipeline, _, _ = eval_setup(load_config, test_mode="test")
    assert isinstance(pipeline, FeaturePipeline)
    return pipeline
