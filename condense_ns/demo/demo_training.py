"""Training of a demonstration: condense-dense-tiny with fewer steps, resumed where it was cut off."""

import contextlib
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackLocation
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.scripts.train import _set_random_seed

from condense_ns.methods import condense_dense_tiny
from condense_ns.pipelines.feature_pipeline import FeaturePipelineConfig

SAVES = 5  # checkpoints of a training


def run_config(
    scene: Path,
    output: Path,
    encoder: str,
    steps: int,
    image_size: int | None = None,
    from_photographs_alone: bool = True,
) -> TrainerConfig:
    """What `ns-train condense-dense-tiny` would be given.

    Args:
        scene: folder of the scene.
        output: where the run is saved.
        encoder: spec of the encoder.
        steps: of the training.
        image_size: longest side in pixels of what the encoder sees; None for its own.
        from_photographs_alone: leave the scene's exact depth out, as most scenes have none.
    """
    config = condense_dense_tiny(steps)
    config.vis = "tensorboard"
    config.output_dir, config.experiment_name, config.timestamp = output, scene.name, "run"
    config.logging.local_writer.enable = False
    config.steps_per_save = -(-steps // SAVES)
    config.data = scene
    pipeline = config.pipeline
    assert isinstance(pipeline, FeaturePipelineConfig)
    pipeline.encoders = (encoder,)
    pipeline.datamanager.data = scene
    pipeline.datamanager.encoder_image_size = image_size
    pipeline.datamanager.feature_store = output / "features" / scene.name
    if from_photographs_alone:
        pipeline.model.depth_loss_mult = 0.0
    return config


def train_run(config: TrainerConfig, log: Path, advance: Callable[[int], None]) -> Path:
    """Train to the end; a run that is finished already is left as it is.

    Args:
        config: of the run.
        log: file for what the host prints.
        advance: called with the number of steps done.

    Returns:
        The run's config.yml.
    """
    steps = config.max_num_iterations
    checkpoints = config.get_checkpoint_dir()
    done = _steps_done(checkpoints)
    file = config.get_base_dir() / "config.yml"
    advance(done)
    if done >= steps:
        return file
    if done:
        config.load_dir = checkpoints
    config.max_num_iterations = steps - done  # the host counts on from the checkpoint
    with quiet(log):
        _set_random_seed(config.machine.seed)
        trainer = config.setup(local_rank=0, world_size=1)
        config.save_config()
        trainer.setup()
        trainer.callbacks.append(
            TrainingCallback(
                [TrainingCallbackLocation.AFTER_TRAIN_ITERATION], lambda step: advance(step + 1)
            )
        )
        trainer.train()
    return file


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Send what the host prints, dozens of lines at every start, to a file, without its warnings."""
    with (
        log.open("a", encoding="utf-8") as printed,
        contextlib.redirect_stdout(printed),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


def _steps_done(checkpoints: Path) -> int:
    """Steps behind the latest whole checkpoint, 0 without one; what was cut off is removed."""
    found = [-1]
    for file in checkpoints.glob("step-*.ckpt"):
        if zipfile.is_zipfile(file):  # the table of contents is written last
            found.append(int(file.stem.partition("-")[2]))
        else:
            file.unlink()
    return max(found) + 1
