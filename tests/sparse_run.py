"""A run of condense-sparse on disk, trained just long enough to have keypoints."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from PIL import Image

from condense_ns.methods import condense_sparse_tiny
from condense_ns.pipelines.condensing import with_keypoints
from condense_ns.pipelines.loaded_run import load_run
from condense_ns.pipelines.sparse_pipeline import SparsePipeline, SparsePipelineConfig
from tests.scenes import FOCAL, SKY, make_textured_scene
from tests.training import (
    SURROUNDINGS,
    feature_pipeline,
    pipeline_config,
    prepared,
    small_config,
    train,
)

STEPS, START, EVERY = 260, 200, 4
PHOTOGRAPHS, VIEWS = 20, 18
"""All, and those that are trained on."""
WIDTH, HEIGHT, IMAGE_SIZE = 128, 96, 256
CELLS, OVERSAMPLING = 8, 3


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
    config = small_config(scene, output, (SURROUNDINGS,), condense_sparse_tiny(STEPS))
    pipeline = sparse_pipeline_config(config)
    pipeline.datamanager.encoder_image_size = WIDTH
    pipeline.keypoint_start, pipeline.keypoint_every = START, EVERY
    pipeline.keypoint_steps = STEPS - START
    model = pipeline.model
    model.keypoint_image_size, model.keypoint_descriptor_dim = IMAGE_SIZE, 27
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


def make_patchwork_scene(folder: Path) -> Path:
    """The painted board with 8 x 8 squares of random colours, none of which looks like another."""
    make_textured_scene(folder, PHOTOGRAPHS, WIDTH, HEIGHT)
    paint = np.random.default_rng(0).random((CELLS, CELLS, 3))
    for frame in json.loads((folder / "transforms.json").read_text())["frames"]:
        picture = _photograph(np.array(frame["transform_matrix"]), paint)
        Image.fromarray((picture * 255).round().astype(np.uint8)).save(folder / frame["file_path"])
    return folder


def _photograph(
    camera_to_world: Float[np.ndarray, "4 4"], paint: Float[np.ndarray, "cells cells 3"]
) -> Float[np.ndarray, "height width 3"]:
    """What the camera sees; each pixel is the mean of 3 x 3 rays."""
    column, row = (
        (np.arange(side * OVERSAMPLING) + 0.5) / OVERSAMPLING for side in (WIDTH, HEIGHT)
    )
    x, y = np.meshgrid((column - WIDTH / 2) / WIDTH, (HEIGHT / 2 - row) / WIDTH)
    rays = np.stack([x / FOCAL, y / FOCAL, -np.ones_like(x)], axis=-1) @ camera_to_world[:3, :3].T
    eye = camera_to_world[:3, 3]
    hit = eye[:2] + rays[..., :2] * (-eye[2] / np.minimum(rays[..., 2:], -1e-6))
    on_board = (np.abs(hit) < 1.0).all(axis=-1) & (rays[..., 2] < 0)
    i, j = np.moveaxis(((hit.clip(-0.999, 0.999) + 1.0) / 2.0 * CELLS).astype(int), -1, 0)
    colours = np.where(on_board[..., None], paint[i, j], SKY)
    return colours.reshape(HEIGHT, OVERSAMPLING, WIDTH, OVERSAMPLING, 3).mean(axis=(1, 3))


def make_sparse_run(folder: Path) -> SparseRun:
    """Train condense-sparse on the patchwork with the colours around a place as features."""
    scene = make_patchwork_scene(folder / "patchwork")
    trainer = prepared(small_sparse_config(scene, folder / "outputs"))
    train(trainer, STEPS)
    return SparseRun(trainer.base_dir / "config.yml", scene)
