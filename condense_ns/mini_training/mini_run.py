"""The whole way to a shipped `mini`: photographs, training, files, calibration, quality."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from condense_ns.encoders.mini import CALIBRATION_NAME, MiniEncoder
from condense_ns.errors import UserError
from condense_ns.mini_training.calibrating import calibrate
from condense_ns.mini_training.mini_folder import MINI_CONFIG, write_mini_folder
from condense_ns.mini_training.photographs import PhotographPlan, Photographs, photographs_of
from condense_ns.mini_training.quality import quality
from condense_ns.mini_training.training import Trainer, TrainingSettings, train

PhotographMaker = Callable[[Path, PhotographPlan], Photographs]


@dataclass(frozen=True)
class MiniPlans:
    """Three sets of photographs, of which no two share a scene."""

    training: PhotographPlan
    """What to train on."""
    held_out: PhotographPlan
    """What to measure quality on."""
    calibration: PhotographPlan
    """What to fit the inverse temperature on."""


def run_mini(
    work_folder: Path,
    mini_folder: Path,
    plans: MiniPlans,
    settings: TrainingSettings,
    device: str = "cpu",
    config: dict[str, Any] = MINI_CONFIG,
    photograph: PhotographMaker = photographs_of,
) -> dict[str, Any]:
    """Train an encoder and write it.

    Args:
        work_folder: for photographs and the checkpoint; what is there is used.
        mini_folder: for the encoder.
        plans: what to photograph.
        settings: how to train.
        device: where to train and measure.
        config: open_clip's configuration of the network.
        photograph: makes the photographs of a plan in a folder.

    Returns:
        What was done and how well it went, for `training.json`.

    Raises:
        UserError: `work_folder` holds photographs or a checkpoint of another training.
    """
    photographs = photograph(work_folder / "training", plans.training)
    unseen = photograph(work_folder / "held_out", plans.held_out)
    others = photograph(work_folder / "calibration", plans.calibration)
    trainer = Trainer(photographs, settings, config, device)
    train(trainer, work_folder, settings.checkpoint_seconds)
    (mini_folder / CALIBRATION_NAME).unlink(missing_ok=True)  # it belongs to other weights
    write_mini_folder(mini_folder, trainer.average, trainer.tokenizer, config)
    encoder = _calibrated(mini_folder, others, device)
    return {
        "settings": asdict(settings),
        "photographs": asdict(plans),
        "device": device,
        "parameters": sum(weight.numel() for weight in trainer.average.parameters()),
        "steps": trainer.steps,
        "seconds": round(trainer.seconds, 1),
        "losses_at_the_end": {name: round(loss, 4) for name, loss in trainer.recent.items()},
        "inverse_temperature": encoder.inverse_temperature,
        "quality": quality(encoder, unseen),
    }


def _calibrated(folder: Path, photographs: Photographs, device: str) -> MiniEncoder:
    """The encoder in `folder`, calibrated if it has learned enough for anything to fit."""
    encoder = MiniEncoder(device=device, folder=folder)
    try:
        calibrate(folder, encoder, photographs)
    except UserError:
        return encoder  # with the inverse temperature of any other; the figures tell how bad it is
    return MiniEncoder(device=device, folder=folder)
