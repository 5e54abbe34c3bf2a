"""A run of condense-sparse on disk, trained just long enough to have keypoints."""

from dataclasses import dataclass
from pathlib import Path

from nerfstudio.engine.trainer import Trainer, TrainerConfig

from condense_ns.methods import condense_sparse_tiny
from condense_ns.pipelines.condensing import with_keypoints
from condense_ns.pipelines.loaded_run import load_run
from condense_ns.pipelines.sparse_pipeline import SparsePipeline, SparsePipelineConfig
from tests.training import feature_pipeline, pipeline_config, prepared, small_config, train

STEPS, START, EVERY = 260, 200, 4
WIDTH, HEIGHT, IMAGE_SIZE = 128, 96, 256


@dataclass(frozen=True)
class SparseRun:
    """What is needed to open it."""

    config: Path
    """Its config.yml."""
    scene: Path
    """The folder of its photographs."""

    def load(self) -> SparsePipeline:
        """Its pipeline, in evaluation mode."""
        return with_keypoints(load_run(self.config))


def small_sparse_config(scene: Path, output: Path) -> TrainerConfig:
    """condense-sparse-tiny as small as `small_config`, saved below `output`."""
    config = small_config(scene, output, preset=condense_sparse_tiny(STEPS))
    pipeline = sparse_pipeline_config(config)
    pipeline.keypoint_start, pipeline.keypoint_every = START, EVERY
    pipeline.keypoint_steps = STEPS - START
    model = pipeline.model
    model.keypoint_image_size, model.keypoint_descriptor_dim = IMAGE_SIZE, 16
    model.keypoint_num_levels, model.keypoint_log2_hashmap_size = 4, 12
    model.keypoint_max_res = 256
    return config


def sparse_pipeline_config(config: TrainerConfig) -> SparsePipelineConfig:
    """Its pipeline, as what it is."""
    pipeline = pipeline_config(config)
    assert isinstance(pipeline, SparsePipelineConfig)
    return pipeline


def sparse_pipeline(trainer: Trainer) -> SparsePipeline:
    """Its pipeline, as what it is."""
    return with_keypoints(feature_pipeline(trainer))


def make_sparse_run(scene: Path, folder: Path) -> SparseRun:
    """Train condense-sparse on a scene with mean colours as features."""
    trainer = prepared(small_sparse_config(scene, folder / "outputs"))
    train(trainer, STEPS)
    return SparseRun(trainer.base_dir / "config.yml", scene)
