"""Seconds of whole training steps of the tiny presets, in processes of one thread each.

``python -m tests.pipelines.step_times growth <method> <folders of scenes> ...`` times one training for
each folder of the same scene, in turns; ``... ranks <method> <folder of scenes> <processes>`` one training by so many
processes together. Both print ``seconds`` and the medians of steps. Tests check shapes, which would be
measured, too; so this runs by itself.
"""

import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig

from condense_ns.benchmarks.short_training import run_step, training_folder
from condense_ns.data.read_ahead import ReadAhead
from condense_ns.data.scenes_datamanager import ScenesDataManager
from condense_ns.methods import condense_pretrain_tiny, lift3d_tiny
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipelineConfig

METHODS = {"lift3d": lift3d_tiny, "condense-pretrain": condense_pretrain_tiny}
WARM_UP, MEASURED = 8, 32
DRAWN = 200
"""Examples drawn beforehand: what is kept of scenes and images fills. Steps that are timed draw others."""


def trainer_of(
    method: str, scenes: Path, output: Path, rank: int = 0, processes: int = 1
) -> Trainer:
    """Ready for its first step."""
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    config: TrainerConfig = METHODS[method]()
    pipeline = config.pipeline
    assert isinstance(pipeline, CrossScenePipelineConfig)
    pipeline.encoders = ("mini",)
    config.output_dir, config.data = output, scenes
    pipeline.datamanager.data = scenes
    trainer: Trainer = config.setup(local_rank=rank, world_size=processes)
    trainer.setup()
    trainer.pipeline.train()
    return trainer


def draw_beforehand(trainer: Trainer) -> None:
    """Fill what is kept."""
    for step in range(DRAWN):
        trainer.pipeline.datamanager.next_train(step)


def draw_the_same(trainer: Trainer) -> None:
    """Have it look at the same views and volumes whatever the number of scenes, if these are all the same.

    A large volume takes three times as long as a small one: other draws would be what is measured.
    """
    manager = trainer.pipeline.datamanager
    assert isinstance(manager, ScenesDataManager)
    scenes = manager.scenes

    def drawn(step: int) -> list[Any]:
        number = np.random.default_rng(step).integers(len(scenes.train))
        manager.scenes = replace(scenes, train=(scenes.train[number],))
        return manager._drawn(step)

    manager._ahead = ReadAhead(drawn)


def timed_step(trainer: Trainer, step: int) -> float:
    """Seconds of one step."""
    start = time.perf_counter()
    run_step(trainer, step)
    return time.perf_counter() - start


def growth(method: str, *folders: str) -> None:
    """Medians for each folder of scenes."""
    with training_folder() as output:
        trainers = [trainer_of(method, Path(one), output / Path(one).name) for one in folders]
        for trainer in trainers:
            draw_the_same(trainer)
            draw_beforehand(trainer)
        seconds: list[list[float]] = [[] for _ in trainers]
        for step in range(DRAWN, DRAWN + WARM_UP + MEASURED):
            for trainer, times in zip(trainers, seconds, strict=True):
                times.append(timed_step(trainer, step))
    megabytes = psutil.Process().memory_info().rss >> 20
    print("seconds", *(statistics.median(times[WARM_UP:]) for times in seconds))  # noqa: T201
    print("megabytes of all together", megabytes)  # noqa: T201


def ranks(method: str, scenes: str, processes: str) -> None:
    """Median of a step that so many processes make together."""
    count, together = int(processes), multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as folder:
        arguments = method, Path(scenes), Path(folder), count
        started = [
            together.Process(target=_one_rank, args=(rank, *arguments)) for rank in range(count)
        ]
        for process in started:
            process.start()
        for process in started:
            process.join()
    sys.exit(max(abs(process.exitcode or 0) for process in started))


def _one_rank(rank: int, method: str, scenes: Path, folder: Path, processes: int) -> None:
    # One thread each: without a core of its own, one process alone would read ahead on the other one's.
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})
    meeting = f"file://{folder / 'meeting'}"
    torch.distributed.init_process_group("gloo", meeting, rank=rank, world_size=processes)
    trainer = trainer_of(method, scenes, folder / f"rank{rank}", rank, processes)
    draw_beforehand(trainer)
    steps = range(DRAWN, DRAWN + WARM_UP + MEASURED)
    times = [timed_step(trainer, step) for step in steps]
    if rank == 0:
        print("seconds", statistics.median(times[WARM_UP:]))  # noqa: T201
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    {"growth": growth, "ranks": ranks}[sys.argv[1]](*sys.argv[2:])
