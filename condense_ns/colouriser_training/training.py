"""Training of the colouriser: steps, the schedule, checkpoints, what it reaches on photographs held out."""

import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from kornia.color import lab_to_rgb, rgb_to_lab
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.colouriser_training.colour_bins import rarity_weights, shares_of_bins
from condense_ns.colouriser_training.colour_network import AB_RANGE, ColourNetwork
from condense_ns.colouriser_training.photograph_folder import Photographs, random_crops
from condense_ns.resumable_training import Stateful, load_training, save_training

CELL = 4
"""Pixels along the side of what has one colour."""
_LARGEST_GRADIENT = 1.0
_RECENT = 0.98  # of the loss's mean over recent steps, kept at each step
_COUNTED = 400  # crops that colours are counted in


@dataclass(frozen=True)
class ColouriserSettings:
    """How to train; equal settings and photographs give equal weights on one machine."""

    steps: int = 4000
    """Batches."""
    batch: int = 16
    """Crops of a step."""
    crop: int = 160
    """Their side in pixels."""
    learning_rate: float = 2e-3
    """At its largest."""
    weight_decay: float = 0.01
    """AdamW's."""
    seed: int = 0
    """Of the first weights and the crops."""
    checkpoint_seconds: float = 120.0
    """Time between checkpoints."""


class ColouriserTrainer:
    """Everything that changes while training."""

    def __init__(
        self, photographs: Photographs, settings: ColouriserSettings, device: str = "cpu"
    ) -> None:
        """Start with random weights, and count the photographs' colours."""
        torch.manual_seed(settings.seed)
        self.network = ColourNetwork().to(device).train()
        self.steps, self.recent = 0, 0.0
        self._photographs, self._settings, self._device = photographs, settings, device
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, settings.learning_rate, total_steps=settings.steps + 1, pct_start=0.1
        )
        self._rarity = self._count()

    def _count(self) -> Float[Tensor, " bins"]:
        generator = random.Random(f"colours {self._settings.seed}")
        crops = random_crops(self._photographs.taught, _COUNTED, 32, generator)
        _, ab = split_lab(crops.to(self._device))
        return rarity_weights(self._shares(ab).flatten(0, -2).mean(dim=0))

    def _shares(self, ab: Float[Tensor, "batch 2 height width"]) -> Tensor:
        coarse = F.avg_pool2d(ab, CELL).permute(0, 2, 3, 1)
        return shares_of_bins(coarse, self.network.centres)

    def step(self) -> None:
        """Learn from one batch; the number of the step decides on everything random."""
        settings = self._settings
        generator = random.Random(f"{settings.seed} {self.steps}")
        crops = random_crops(self._photographs.taught, settings.batch, settings.crop, generator)
        grey, ab = split_lab(crops.to(self._device))
        shares = self._shares(ab)
        said = F.log_softmax(self.network.logits(grey).permute(0, 2, 3, 1), dim=-1)
        weights = shares @ self._rarity
        loss = -(weights * (shares * said).sum(dim=-1)).mean()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self._optimiser.step()
        self._schedule.step()
        kept = _RECENT if self.steps else 0.0
        self.recent = kept * self.recent + (1 - kept) * loss.item()
        self.steps += 1

    def save(self, path: Path) -> None:
        """Write a checkpoint; a file of that name is either whole or the old one."""
        save_training(path, self._parts(), {"steps": self.steps}, self._origin())

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            UserError: it is damaged, or comes from other settings or photographs.
        """
        self.steps = load_training(path, self._parts(), self._origin())["steps"]

    def _parts(self) -> dict[str, Stateful]:
        return {
            "network": self.network,
            "optimiser": self._optimiser,
            "schedule": self._schedule,
        }

    def _origin(self) -> dict[str, Any]:
        settings = asdict(self._settings)
        del settings["checkpoint_seconds"]
        return {**settings, "photographs": self._photographs.digest()}


def train_colouriser(trainer: ColouriserTrainer, settings: ColouriserSettings, path: Path) -> None:
    """Train to the end, going on from the checkpoint `path` if it is there.

    Raises:
        UserError: it is damaged, or comes from other settings or photographs.
    """
    if path.is_file():
        trainer.load(path)
    saved = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, refresh_per_second=1) as bar:
        task = bar.add_task("Training", total=settings.steps, completed=trainer.steps)
        while trainer.steps < settings.steps:
            trainer.step()
            description = f"Training, step {trainer.steps}, loss {trainer.recent:.3f}"
            bar.update(task, completed=trainer.steps, description=description)
            if time.monotonic() - saved > settings.checkpoint_seconds:
                trainer.save(path)
                saved = time.monotonic()
    trainer.save(path)
    trainer.network.eval()


@torch.no_grad()
def held_out_errors(network: ColourNetwork, photographs: Photographs) -> dict[str, float]:
    """Mean distance in a and b, and PSNR in dB, of photographs held out; beside leaving them grey."""
    device, rows = network.centres.device, []
    for photograph in photographs.held_out:
        true = photograph[None].to(device) / 255
        grey, ab = split_lab(true)
        said = AB_RANGE * F.interpolate(network(grey), ab.shape[-2:], mode="bilinear")
        row = []
        for colours in (said, torch.zeros_like(ab)):
            picture = lab_to_rgb(torch.cat([100 * grey[:, :1], colours], dim=1)).clamp(0, 1)
            row += [
                float((colours - ab).norm(dim=1).mean()),
                float(-10 * F.mse_loss(picture, true).log10()),
            ]
        rows.append(row)
    names = ("distance", "psnr", "distance_grey", "psnr_grey")
    return dict(zip(names, torch.tensor(rows).mean(dim=0).tolist(), strict=True))


def split_lab(
    images: Float[Tensor, "batch 3 height width"],
) -> tuple[Float[Tensor, "batch 3 height width"], Float[Tensor, "batch 2 height width"]]:
    """What the network sees of RGB in [0, 1], L / 100 three times, and what it is to answer, a and b."""
    lab = rgb_to_lab(images)
    return (lab[:, :1] / 100).expand(-1, 3, -1, -1), lab[:, 1:]
