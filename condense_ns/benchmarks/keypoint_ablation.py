"""Keypoints trained with all losses and without each, on the frozen geometry of one run.

Every row starts from the same numbers and is taught for the same steps by the same pairs of training
views; it differs from `ALL` by its loss alone. `AGAIN` has all losses, other first numbers and other
pairs: how far it is from `ALL` is how much of a difference may be chance. The held-out photographs and
what is known of their surfaces are the same for all rows.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nerfstudio.engine.trainer import TrainerConfig
from rich.progress import track

from condense_ns.benchmarks.short_training import run_step, training_folder
from condense_ns.methods import keypoint_optimizer
from condense_ns.models.condense_sparse import CondenseSparseModelConfig
from condense_ns.pipelines.condensing import CondenseOptions, condense, with_keypoints
from condense_ns.pipelines.feature_evaluation import view_pairs
from condense_ns.pipelines.frozen_geometry import read_run
from condense_ns.pipelines.held_out_views import HeldOutView, HeldOutViews
from condense_ns.pipelines.keypoint_evaluation import DETECTIONS, REPEATED, localised, repeated
from condense_ns.pipelines.loaded_run import load_run
from condense_ns.pipelines.pose_limits import PoseLimits, pose_limits
from condense_ns.pipelines.sparse_pipeline import SparsePipeline, SparsePipelineConfig

ALL, AGAIN = "all losses", "all losses again"
NOT_SHOWN = ("inliers", "points", "kilobytes", "seconds", "pairs")


@dataclass(frozen=True)
class Schedule:
    """How long each row is trained, and for what."""

    steps: int
    """Pairs of views, one a step."""
    rays: int
    """Of each step, for the features of the scene, which keypoints do not depend on."""
    count: int
    """Keypoints of the scene."""


@dataclass(frozen=True)
class Judge:
    """Held-out photographs of the run whose geometry all rows share."""

    held_out: HeldOutViews
    pairs: Sequence[tuple[HeldOutView, HeldOutView]]
    limits: PoseLimits

    @torch.no_grad()
    def figures(self, pipeline: SparsePipeline, count: int) -> dict[str, float]:
        """What `condense eval` says of a set of so many keypoints and of the 2D head."""
        keypoints = condense(pipeline, CondenseOptions(count=count, detections=DETECTIONS))
        found = {
            **repeated(self.held_out, self.pairs, pipeline.detector(REPEATED)),
            **localised(self.held_out, keypoints, pipeline.detector(DETECTIONS), self.limits),
        }
        return {name: value for name, value in found.items() if name not in NOT_SHOWN}


@torch.no_grad()
def judge_of(load_config: Path) -> Judge:
    """The held-out photographs of a run.

    Raises:
        UserError: no such run, another method's, or without held-out photographs.
    """
    pipeline = with_keypoints(load_run(load_config))
    pipeline.eval()
    held_out = HeldOutViews(pipeline.model, pipeline.datamanager, pipeline.config.encoders[0])
    pairs = [(view_a, view_b) for view_a, view_b, _ in view_pairs(held_out)]
    return Judge(held_out, pairs, pose_limits(held_out))


def ablation(
    load_config: Path, losses: Sequence[str], schedule: Schedule, again: bool
) -> Iterator[tuple[str, dict[str, float]]]:
    """Rows as they are ready: `ALL`, one without each loss, `AGAIN` if wanted.

    Args:
        load_config: config.yml of a run of condense-sparse.
        losses: each the name of one of `keypoint_<name>_loss_mult`.
        schedule: of every row.
        again: whether to train all losses once more from other numbers.

    Raises:
        UserError: as for `judge_of`.
    """
    judge = judge_of(load_config)
    rows: list[tuple[str, str | None]] = [(ALL, None)]
    rows += [(f"no {loss}", loss) for loss in losses]
    rows += [(AGAIN, None)] if again else []
    for name, loss in rows:
        with training_folder() as folder:
            config = row_config(load_config, folder, schedule, loss)
            pipeline = _trained(config, schedule.steps, name, schedule.steps * (name == AGAIN))
        yield name, judge.figures(pipeline, schedule.count)


def row_config(
    load_config: Path, output: Path, schedule: Schedule, without: str | None
) -> TrainerConfig:
    """The run's config for training keypoints alone, on its geometry.

    Args:
        load_config: config.yml of the run.
        output: folder for what the host writes.
        schedule: of the row.
        without: the loss that is left out; None leaves out none.
    """
    config = read_run(load_config)
    pipeline: Any = config.pipeline
    assert isinstance(pipeline, SparsePipelineConfig)
    model = pipeline.model
    model.geometry_from = load_config
    if without is not None:
        setattr(model, f"keypoint_{without}_loss_mult", 0.0)
    pipeline.datamanager.train_num_rays_per_batch = schedule.rays
    pipeline.keypoint_start = max(pipeline.keypoint_start, _settled(model))
    pipeline.keypoint_steps, pipeline.keypoint_every = schedule.steps, 1
    config.optimizers["keypoints"] = keypoint_optimizer(0, schedule.steps)
    config.output_dir, config.vis = output, "tensorboard"
    config.load_dir = config.load_checkpoint = config.load_step = None
    return config


def _settled(model: CondenseSparseModelConfig) -> int:
    """Step from which rays are sampled where the geometry says, and not evenly."""
    return model.proposal_weights_anneal_max_num_iters if model.use_proposal_weight_anneal else 0


def _trained(config: TrainerConfig, steps: int, name: str, shift: int) -> SparsePipeline:
    """A row's pipeline after so many steps.

    Args:
        config: of the row.
        steps: each with a pair of views.
        name: what the progress bar says.
        shift: of the random numbers.
    """
    seed = config.machine.seed + shift
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the host draws from NumPy's global generator
    torch.manual_seed(seed)
    pipeline: Any = config.pipeline
    pipeline.keypoint_start += shift  # the step is the seed of its pair
    trainer = config.setup(local_rank=0, world_size=1)
    trainer.setup()
    trainer.pipeline.train()
    start = pipeline.keypoint_start
    for step in track(range(start, start + steps), f"Training, {name}", transient=True):
        run_step(trainer, step)
    trainer.pipeline.eval()
    assert isinstance(trainer.pipeline, SparsePipeline)
    return trainer.pipeline
