"""The whole way to a shipped `mini`: photographs, training, files, quality."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from condense_ns.encoders.openclip import OpenClipEncoder
from condense_ns.mini_training.mini_folder import MINI_CONFIG, write_mini_folder
from condense_ns.mini_training.photographs import PhotographPlan, Photographs, photographs_of
from condense_ns.mini_training.quality import quality
from condense_ns.mini_training.training import Trainer, TrainingSettings, train

PhotographMaker = Callable[[Path, PhotographPlan], Photographs]


def run_mini(
    work_folder: Path,
    mini_folder: Path,
    plan: PhotographPlan,
    held_out: PhotographPlan,
    settings: TrainingSettings,
    device: str = "cpu",
    config: dict[str, Any] = MINI_CONFIG,
    photograph: PhotographMaker = photographs_of,
) -> dict[str, Any]:
    """Train an encoder and write it.

    Args:
        work_folder: for photographs and the checkpoint; what is there is used.
        mini_folder: for the encoder.
        plan: the photographs to train on.
        held_out: the photographs to measure quality on.
        settings: how to train.
        device: where to train and measure.
        config: open_clip's configuration of the network.
        photograph: makes the photographs of a plan in a folder.

    Returns:
        What was done and how well it went, for `training.json`.

    Raises:
        UserError: `work_folder` holds photographs or a checkpoint of another training.
    """
    photographs = photograph(work_folder / "training", plan)
    unseen = photograph(work_folder / "held_out", held_out)
    trainer = Trainer(photographs, settings, config, device)
    train(trainer, work_folder, settings.checkpoint_seconds)
    write_mini_folder(mini_folder, trainer.average, trainer.tokenizer, config)
    return {
        "settings": asdict(settings),
        "photographs": {"training": asdict(plan), "held_out": asdict(held_out)},
        "device": device,
        "parameters": sum(weight.numel() for weight in trainer.average.parameters()),
        "steps": trainer.steps,
        "seconds": round(trainer.seconds, 1),
        "losses_at_the_end": {name: round(loss, 4) for name, loss in trainer.recent.items()},
        "quality": quality(OpenClipEncoder(f"openclip:{mini_folder}", device), unseen),
    }
