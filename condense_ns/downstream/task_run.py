"""The whole way of one run: backbone, labels, training, scores, files."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from condense_ns.downstream.backbone_choice import SCRATCH, Mode, chosen_backbone
from condense_ns.downstream.classification import Classification
from condense_ns.downstream.detection import Detection
from condense_ns.downstream.heads import HeadName
from condense_ns.downstream.kept_rows import KeptRows
from condense_ns.downstream.label_budget import labelled_places
from condense_ns.downstream.labelled_cloud import TaskData, TaskName
from condense_ns.downstream.learning_rate import chosen_rate
from condense_ns.downstream.prepared_cloud import Preparation
from condense_ns.downstream.prepared_split import PreparedData
from condense_ns.downstream.run_progress import RunProgress
from condense_ns.downstream.segmentation import Segmentation
from condense_ns.downstream.task import Task
from condense_ns.downstream.task_network import TaskNetwork
from condense_ns.downstream.task_training import (
    TaskTrainer,
    TrainingSettings,
    measure,
    read_checkpoint,
)
from condense_ns.downstream.taught_classes import untaught_classes
from condense_ns.report.json_file import write_json
from condense_ns.report.provenance import provenance

TASKS: dict[TaskName, type[Task]] = {
    "classify": Classification,
    "parts": Segmentation,
    "segment": Segmentation,
    "detect": Detection,
}
ROW, PICTURE, CHECKPOINT = "row.json", "errors.png", "checkpoint.safetensors"


@dataclass(frozen=True)
class RunPlan:
    """What a row of a table depends on, beside the data set."""

    backbone: str
    """A file, random or scratch."""
    mode: Mode
    labels: float = 100.0
    """Percent of the training clouds."""
    seed: int = 0
    """Of weights that are drawn, labels that are used, batches."""
    head: HeadName | None = None
    """None takes the task's usual one."""
    preset: str = "S"
    """Of a drawn backbone."""
    choose_rate: bool = False
    """Whether the learning rate of a linear probe is chosen on a part of the training clouds."""
    preparation: Preparation = field(default_factory=Preparation)
    settings: TrainingSettings = field(default_factory=TrainingSettings)


def run_task(
    data: TaskData,
    plan: RunPlan,
    folder: Path,
    device: str = "cpu",
    progress: Callable[[Path], RunProgress] = RunProgress,
    clouds: PreparedData | None = None,
) -> dict[str, Any]:
    """Train, score, write; the row that was written.

    A run that was killed goes on from its checkpoint; one that has ended is only read.

    Args:
        data: what to learn and to be asked.
        plan: how.
        folder: for `row.json`, `errors.png`, `checkpoint.safetensors` and TensorBoard's events.
        device: where to compute.
        progress: shows how far it is.
        clouds: the data set as the plan prepares it, if it is at hand.

    Raises:
        UserError: something about backbone, data or options cannot be used, or the folder is of another
            run.
    """
    place = torch.device(device)
    task = TASKS[data.task](data)
    begun = chosen_backbone(plan.backbone, plan.mode, plan.preset, plan.seed)
    origin = _origin(data, plan, begun.fingerprint)
    done = _finished(folder, origin)
    if done is not None:
        return done
    clouds = clouds or PreparedData(data, plan.preparation)
    used = clouds.train.chosen(labelled_places(data.train, plan.labels, plan.seed))
    test = clouds.test
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        network = TaskNetwork(begun.backbone, task, plan.mode, plan.head, plan.preparation.kind).to(
            place
        )
    network.set_training(False)
    learnt, asked = (
        KeptRows(network, split, place, clouds.rows, f"{name} {begun.fingerprint}")
        for name, split in (("train", used), ("test", test))
    )
    with progress(folder) as shown:
        trainer = _trained(network, task, learnt, plan, folder / CHECKPOINT, origin, shown)
        scores = trainer.scored(asked, shown.scoring(len(test)))
        figures = scores.figures()
        shown.write_figures(trainer.steps, figures)
    scores.write_picture(folder / PICTURE)
    row = {
        **provenance(),
        "origin": origin,
        "task": data.task,
        "data": data.name,
        "backbone": plan.backbone,
        "mode": plan.mode,
        "head": network.head_name,
        "labels": plan.labels,
        "labelled_clouds": len(used),
        "test_clouds": len(test),
        "untaught": untaught_classes(data, used),
        "seed": plan.seed,
        "learning_rate": trainer.settings.learning_rate,
        "trained_parameters": sum(p.numel() for p in trainer.trained),
        "seconds": trainer.seconds,
        "figures": figures,
    }
    write_json(folder / ROW, row)
    return row


def _trained(
    network: TaskNetwork,
    task: Task,
    kept: KeptRows,
    plan: RunPlan,
    checkpoint: Path,
    origin: dict[str, str],
    shown: RunProgress,
) -> TaskTrainer:
    """Train to the end, from the checkpoint if there is one."""
    shown.say("reading clouds")
    measure(network, kept)
    settings = plan.settings
    if plan.backbone == SCRATCH:
        settings = replace(settings, head_steps=0)
    if plan.choose_rate:
        shown.say("choosing the learning rate")
        rate = chosen_rate(network, task, kept, settings, plan.seed)
        settings = replace(settings, learning_rate=rate)
    trainer = TaskTrainer(network, task, kept, settings, plan.seed)
    if checkpoint.is_file():
        trainer.load(checkpoint, origin)
    shown.begin_training(trainer.all_steps)
    saved = trainer.seconds
    while trainer.steps < trainer.all_steps:
        trainer.step()
        shown.step(trainer)
        if trainer.seconds - saved > settings.checkpoint_seconds:
            trainer.save(checkpoint, origin)
            saved = trainer.seconds
    trainer.save(checkpoint, origin)
    return trainer


def _origin(data: TaskData, plan: RunPlan, fingerprint: str) -> dict[str, str]:
    """Everything that changes the figures."""
    settings = {k: v for k, v in asdict(plan.settings).items() if k != "checkpoint_seconds"}
    numbers = {
        "train": [len(data.train), str(data.train.numbers[:1])],
        "test": [len(data.test), str(data.test.numbers[:1])],
    }
    parts = {
        "task": data.task,
        "data": [data.name, data.details],
        "clouds": numbers,
        "classes": data.class_names,
        "backbone": fingerprint,
        "mode": plan.mode,
        "labels": plan.labels,
        "seed": plan.seed,
        "head": plan.head,
        "choose_rate": plan.choose_rate,
        "preparation": asdict(plan.preparation),
        "settings": settings,
    }
    if data.source:
        parts["source"] = data.source
    return {name: json.dumps(value) for name, value in parts.items()}


def _finished(folder: Path, origin: dict[str, str]) -> dict[str, Any] | None:
    """The row of a run that has ended; None if it has not.

    Raises:
        UserError: the folder's checkpoint is of another run, or damaged.
    """
    try:
        row = json.loads((folder / ROW).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        row = None
    if isinstance(row, dict) and row.get("origin") == origin:
        return row
    if (folder / CHECKPOINT).is_file():
        read_checkpoint(folder / CHECKPOINT, origin)  # told before any cloud is read
    return None
