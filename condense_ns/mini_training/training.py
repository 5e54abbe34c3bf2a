"""Training of `mini`: a step, the schedule, the moving average of the weights, resuming."""

import math
import random
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from open_clip import CLIP
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from tokenizers import Tokenizer
from torch import Tensor, nn

from condense_ns.mini_training.batch_losses import LOSS_WEIGHTS, BatchLosses
from condense_ns.mini_training.crops import random_crops
from condense_ns.mini_training.mini_folder import PAD, new_model, train_tokenizer
from condense_ns.mini_training.objective import balanced_weights
from condense_ns.mini_training.photographs import Photographs
from condense_ns.mini_training.prompts import TARGET_CLASSES, tokenizer_corpus
from condense_ns.resumable_training import Stateful, load_training, save_training

CHECKPOINT_NAME = "checkpoint.pt"
_LARGEST_GRADIENT = 1.0
_RECENT = 0.99  # of a loss's mean over recent steps, kept at each step


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; equal settings and photographs give equal weights on one machine."""

    steps: int = 20_000
    """Batches after which training ends."""
    minutes: float | None = None
    """Minutes after which it ends, if earlier; the schedule follows whichever is nearer its end."""
    batch: int = 32
    """Crops of a step."""
    crop: int = 96
    """Their side in pixels."""
    wide_crop: tuple[int, int] = (144, 192)
    """Height and width of the crops of every `wide_every`-th step, for positions to generalise; they
    are fewer, so that a step sees as many pixels as any other."""
    wide_every: int = 4
    """Steps from one with wide crops to the next."""
    learning_rate: float = 1.5e-3
    """At its largest."""
    weight_decay: float = 0.05
    """Of matrices, AdamW's."""
    warm_up: float = 0.03
    """Share of the training in which the learning rate rises."""
    average_decay: float = 0.999
    """Of the moving average of the weights, which is what is shipped."""
    seed: int = 0
    """Of the first weights, the crops and the words."""
    checkpoint_seconds: float = 120.0
    """Time between checkpoints."""


class Trainer:
    """Everything that changes while training."""

    def __init__(
        self,
        photographs: Photographs,
        settings: TrainingSettings,
        config: dict[str, Any],
        device: str = "cpu",
    ) -> None:
        """Start with random weights.

        Args:
            photographs: what to train on.
            settings: how.
            config: open_clip's configuration of the network.
            device: where to compute.
        """
        text = config["text_cfg"]
        corpus = tokenizer_corpus(words.caption for words in photographs.words)
        self.tokenizer = train_tokenizer(corpus, text["vocab_size"])
        self.model = new_model(config, settings.seed).to(device).train()
        self.average: CLIP = deepcopy(self.model).eval().requires_grad_(False)
        tokens_of = padded_tokens(self.tokenizer, text["context_length"])
        self.losses = BatchLosses(tokens_of, class_weights(photographs)).to(device)
        self.optimiser = _optimiser(self.model, self.losses, settings)
        self.steps, self.seconds = 0, 0.0
        self.recent: dict[str, float] = {}
        self._photographs, self._settings = photographs, settings
        self._patch_size = config["vision_cfg"]["patch_size"]

    @property
    def progress(self) -> float:
        """Share of the training that is done; 1 or more at its end."""
        minutes = self._settings.minutes
        share = self.steps / self._settings.steps
        if minutes is None:
            return share
        return max(share, self.seconds / (60 * minutes))

    def step(self) -> None:
        """Learn from one batch; the number of the step decides on everything random."""
        settings, start = self._settings, time.monotonic()
        generator = random.Random(f"{settings.seed} {self.steps}")
        wide = (self.steps + 1) % settings.wide_every == 0
        size = settings.wide_crop if wide else (settings.crop, settings.crop)
        count = max(1, round(settings.batch * settings.crop**2 / (size[0] * size[1])))
        chosen = generator.choices(range(len(self._photographs.rgb)), k=count)
        crops = random_crops(self._photographs, chosen, size, self._patch_size, generator)
        for group in self.optimiser.param_groups:
            group["lr"] = settings.learning_rate * learning_share(self.progress, settings.warm_up)
        losses = self.losses(self.model, crops, generator)
        self.optimiser.zero_grad()
        torch.stack([LOSS_WEIGHTS[name] * loss for name, loss in losses.items()]).sum().backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), _LARGEST_GRADIENT)
        self.optimiser.step()
        self._follow()
        for name, loss in losses.items():
            now: float = loss.item()
            self.recent[name] = _RECENT * self.recent.get(name, now) + (1 - _RECENT) * now
        self.steps += 1
        self.seconds += time.monotonic() - start

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights, faster at the beginning."""
        decay = min(self._settings.average_decay, (1 + self.steps) / (10 + self.steps))
        pairs = zip(self.average.parameters(), self.model.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1 - decay)

    def save(self, path: Path) -> None:
        """Write a checkpoint; a file of that name is either whole or the old one."""
        numbers = {"steps": self.steps, "seconds": self.seconds, "recent": self.recent}
        save_training(path, self._parts(), numbers, self._origin())

    def load(self, path: Path) -> None:
        """Go on from a checkpoint.

        Raises:
            UserError: it is damaged, or comes from other settings or photographs.
        """
        numbers = load_training(path, self._parts(), self._origin())
        self.steps, self.seconds, self.recent = (
            numbers[name] for name in ("steps", "seconds", "recent")
        )

    def _parts(self) -> dict[str, Stateful]:
        return {
            "model": self.model,
            "average": self.average,
            "losses": self.losses,
            "optimiser": self.optimiser,
        }

    def _origin(self) -> dict[str, Any]:
        """What the weights depend on, but for how long they are trained."""
        settings = asdict(self._settings)
        for name in ("steps", "minutes", "checkpoint_seconds"):
            del settings[name]
        return {**settings, **asdict(self._photographs.plan)}


def train(trainer: Trainer, folder: Path, checkpoint_seconds: float) -> None:
    """Train to the end, going on from the checkpoint in `folder` if there is one.

    Raises:
        UserError: the checkpoint comes from other settings or photographs.
    """
    path = folder / CHECKPOINT_NAME
    folder.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        trainer.load(path)
    saved = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, refresh_per_second=1) as bar:
        task = bar.add_task("training", total=1.0)
        while trainer.progress < 1.0:
            trainer.step()
            shown = " ".join(f"{name} {loss:.3f}" for name, loss in trainer.recent.items())
            rate = trainer.steps / max(trainer.seconds, 1e-9)
            bar.update(
                task,
                completed=min(trainer.progress, 1.0),
                description=f"step {trainer.steps} {shown} ({rate:.2f} steps/s)",
            )
            if time.monotonic() - saved > checkpoint_seconds:
                trainer.save(path)
                saved = time.monotonic()
    trainer.save(path)


def learning_share(progress: float, warm_up: float) -> float:
    """Share of the largest learning rate: a rising line, then half a cosine down to 1 %."""
    if progress < warm_up:
        return max(progress / warm_up, 1e-3)
    way = min((progress - warm_up) / (1 - warm_up), 1.0)
    return 0.01 + 0.99 * (1 + math.cos(math.pi * way)) / 2


def padded_tokens(
    tokenizer: Tokenizer, context: int
) -> Callable[[list[str]], Int64[Tensor, "texts context"]]:
    """What turns texts into tokens as the shipped encoder will."""
    padding = Tokenizer.from_str(tokenizer.to_str())
    padding.enable_truncation(context)
    padding.enable_padding(length=context, pad_id=padding.token_to_id(PAD), pad_token=PAD)

    def tokens_of(texts: list[str]) -> Int64[Tensor, "texts context"]:
        return torch.tensor([encoding.ids for encoding in padding.encode_batch(texts)])

    return tokens_of


def class_weights(photographs: Photographs) -> Tensor:
    """Mild weights against the many pixels of floors and walls, from a part of the photographs."""
    part = photographs.classes[:: max(1, len(photographs.classes) // 500)]
    counts = np.bincount(part.ravel(), minlength=len(TARGET_CLASSES) + 1)[1:]
    return balanced_weights(torch.from_numpy(counts).float())


def _optimiser(
    model: CLIP, losses: BatchLosses, settings: TrainingSettings
) -> torch.optim.Optimizer:
    """AdamW; vectors, positions and temperatures do not decay."""
    named = [*model.named_parameters(), *losses.named_parameters()]
    matrices = [x for name, x in named if x.ndim > 1 and "positional" not in name]
    others = [x for name, x in named if x.ndim <= 1 or "positional" in name]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98))
