"""The training step of condense-dense against nerfacto's, same rays, samples and grids."""

import random
import statistics
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from nerfstudio.data.datamanagers.base_datamanager import VanillaDataManagerConfig
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.models.nerfacto import NerfactoModelConfig
from nerfstudio.pipelines.base_pipeline import VanillaPipelineConfig

from condense_ns.benchmarks.short_training import run_step, training_folder
from condense_ns.methods import condense_dense, condense_dense_tiny
from condense_ns.models.lazy_lpips import lpips_deferred
from condense_ns.pipelines.feature_pipeline import FeaturePipelineConfig

PRESETS = {"condense-dense-tiny": condense_dense_tiny, "condense-dense": condense_dense}
WARMUP = 5


def step_time(data: Path, encoders: tuple[str, ...], preset: str, steps: int) -> dict[str, float]:
    """Seconds of a full step (rays, forward, backward, optimisers) of both, taken in turns.

    Args:
        data: the scene.
        encoders: as in `--pipeline.encoders`.
        preset: a key of `PRESETS`.
        steps: measured steps of each, after a warm-up.
    """
    with training_folder() as folder, lpips_deferred():
        ours = _trainer(PRESETS[preset](), data, folder / "ours", encoders)
        host = _trainer(nerfacto_of(PRESETS[preset]()), data, folder / "host", ())
        seconds: dict[str, list[float]] = {"ours": [], "host": []}
        for step in range(WARMUP + steps):
            order = [("ours", ours), ("host", host)]
            for name, trainer in order if step % 2 else reversed(order):
                seconds[name].append(_timed_step(trainer, step))
    ours_s, host_s = (statistics.median(seconds[name][WARMUP:]) for name in ("ours", "host"))
    pairs = zip(seconds["ours"][WARMUP:], seconds["host"][WARMUP:], strict=True)
    return {
        "steps": steps,
        "condense_dense_s": ours_s,
        "nerfacto_s": host_s,
        "ratio": statistics.median(a / b for a, b in pairs),
    }


def nerfacto_of(config: TrainerConfig) -> TrainerConfig:
    """The host's nerfacto with the rays, samples and grids of a config of ours."""
    assert isinstance(config.pipeline, FeaturePipelineConfig)
    data, ours = config.pipeline.datamanager, config.pipeline.model
    shared = {
        setting.name: getattr(ours, setting.name)
        for setting in fields(NerfactoModelConfig)
        if setting.name != "_target"
    }
    config.pipeline = VanillaPipelineConfig(
        datamanager=VanillaDataManagerConfig(
            dataparser=data.dataparser,
            train_num_rays_per_batch=data.train_num_rays_per_batch,
            eval_num_rays_per_batch=data.eval_num_rays_per_batch,
        ),
        model=NerfactoModelConfig(**shared),
    )
    return config


def _trainer(config: TrainerConfig, data: Path, output: Path, encoders: tuple[str, ...]) -> Trainer:
    if torch.cuda.is_available():
        config.machine.device_type = "cuda"
    else:
        config.machine.device_type = "cpu"
        config.mixed_precision = config.use_grad_scaler = False
    config.vis = "tensorboard"
    config.output_dir, config.data = output, data
    config.pipeline.datamanager.data = data
    if isinstance(config.pipeline, FeaturePipelineConfig):
        config.pipeline.encoders = encoders
    trainer = config.setup(local_rank=0, world_size=1)
    trainer.setup()
    trainer.pipeline.train()
    return trainer


def _timed_step(trainer: Trainer, step: int) -> float:
    """One step with the random numbers of that step, callbacks included."""
    random.seed(step)
    np.random.seed(step)  # noqa: NPY002 - the host draws from NumPy's global generator
    torch.manual_seed(step)
    _wait_for_device()
    start = time.perf_counter()
    run_step(trainer, step)
    _wait_for_device()
    return time.perf_counter() - start


def _wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
