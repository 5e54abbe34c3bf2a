"""Training of a head, and of a backbone below it: a step, the schedule, resuming, scoring.

Where a backbone that knows something is trained, the head learns first, alone: one that knows nothing would
teach the backbone to forget (A. Kumar et al., Fine-tuning can distort pretrained features and underperform
out-of-distribution, 2022).

The number of a step decides on everything random in it, so that a run that was killed goes on as if it
had not been.
"""

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.downstream.augmentation import augmented, cropped
from condense_ns.downstream.kept_rows import KeptRows
from condense_ns.downstream.prepared_cloud import PreparedCloud
from condense_ns.downstream.task import Scores, Task
from condense_ns.downstream.task_network import TaskNetwork
from condense_ns.errors import UserError
from condense_ns.weight_file import read_weights, write_weights

FORMAT = "condense_ns downstream checkpoint 1"
_REMEDY = "delete it to begin anew, or name another folder with --out"
_LARGEST_GRADIENT = 5.0
_LAST_SHARE = 0.01
HEAD_RATE = 3e-3
"""Learning rate of a head that learns alone before the backbone does."""
MOST_MEASURED = 64
"""Clouds over which a head's mean and deviation are taken."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train."""

    steps: int = 1000
    """Batches."""
    head_steps: int = 300
    """Batches before those in which the head learns alone, where a whole backbone learns after it; 0 for
    one that knows nothing."""
    batch: int = 16
    """Clouds of a batch; fewer if there are fewer."""
    learning_rate: float = 3e-3
    """At its largest."""
    weight_decay: float = 0.01
    """Of AdamW."""
    warm_up: float = 0.05
    """Share of the steps in which the learning rate rises."""
    most_voxels: int = 60_000
    """Of a cloud in a step where the backbone learns; larger clouds are cropped."""
    most_rows: int = 2048
    """Of a cloud in a step where the backbone is frozen and each row is answered and judged by itself;
    drawn anew in every step."""
    augment: bool = True
    """Whether clouds are turned by quarters, mirrored and shown in grey where the backbone learns."""
    checkpoint_seconds: float = 60.0
    """Time between checkpoints."""


def measure(network: TaskNetwork, kept: KeptRows) -> None:
    """Take the mean and deviation of a network's head over a few clouds.

    Args:
        network: not in training.
        kept: rows of the clouds.
    """
    count = min(len(kept), MOST_MEASURED)
    network.head.standardised.measure(kept[at * len(kept) // count] for at in range(count))


class TaskTrainer:
    """What changes while training.

    Args:
        network: on `device`; its head has been measured.
        task: whose loss.
        kept: clouds whose labels may be used, and their rows; says where to compute.
        settings: how.
        seed: of batches and looks.
    """

    def __init__(
        self,
        network: TaskNetwork,
        task: Task,
        kept: KeptRows,
        settings: TrainingSettings,
        seed: int,
    ) -> None:
        self.network, self.task, self.kept = network, task, kept
        self.settings, self.seed, self.device = settings, seed, kept.device
        self.trained = [p for p in network.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(
            self.trained, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.head_steps = settings.head_steps if network.mode == "all" else 0
        """Steps in which the head learns alone."""
        self.all_steps = self.head_steps + settings.steps
        self.steps = 0
        self.seconds = 0.0
        self.recent = math.nan
        """Loss of the last step."""

    def step(self) -> None:
        """Learn from one batch."""
        start = time.monotonic()
        generator = random.Random(f"{self.seed} {self.steps}")
        count = min(self.settings.batch, len(self.kept))
        places = generator.sample(range(len(self.kept)), count)
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.network.frozen = self.network.mode == "frozen" or self.steps < self.head_steps
        self.network.set_training(True)
        self.optimiser.zero_grad(set_to_none=True)
        loss = (
            self._learned_frozen(places, generator)
            if self.network.frozen
            else self._learned(places, generator)
        )
        nn.utils.clip_grad_norm_(self.trained, _LARGEST_GRADIENT)
        self.optimiser.step()
        self.recent = float(loss)
        self.steps += 1
        self.seconds += time.monotonic() - start

    def _learned_frozen(self, places: Sequence[int], generator: random.Random) -> Float[Tensor, ""]:
        """Add the gradients of the mean loss, cloud by cloud, so that one at a time needs memory."""
        total = torch.zeros((), device=self.device)
        for place in places:
            rows, cloud = self._some_rows(place, generator)
            answers = self.network.head(rows, cloud.volume)
            loss = self.task.loss(answers, cloud) / len(places)
            loss.backward()
            total += loss.detach()
        return total

    def _some_rows(
        self, place: int, generator: random.Random
    ) -> tuple[Float[Tensor, "rows channels"], PreparedCloud]:
        """Rows of a cloud with their labels: a random part of them where that is enough."""
        rows, cloud = self.kept[place], self.kept.cloud(place)
        if len(rows) <= self.settings.most_rows or self.network.head.convolution is not None:
            return rows, cloud
        drawn = torch.Generator().manual_seed(generator.getrandbits(62))
        chosen = torch.randperm(len(rows), generator=drawn)[: self.settings.most_rows]
        chosen = chosen.to(self.device)
        part = self.task.part(cloud, chosen)
        return (rows, cloud) if part is None else (rows[chosen], part)

    def _learned(self, places: Sequence[int], generator: random.Random) -> Float[Tensor, ""]:
        """Add the gradients of the mean loss of all clouds together."""
        clouds = []
        for place in places:
            cloud = cropped(self.kept.clouds[place], self.settings.most_voxels, generator)
            if self.settings.augment:
                cloud = augmented(cloud, generator)
            clouds.append(cloud.to(self.device))
        rows = self.network.trained_rows(clouds)
        losses = [
            self.task.loss(self.network.head(row, cloud.volume), cloud)
            for row, cloud in zip(rows, clouds, strict=True)
        ]
        loss = torch.stack(losses).mean()
        loss.backward()
        return loss.detach()

    def _rate(self) -> float:
        """Of the head alone, or of everything; each begins anew."""
        if self.steps < self.head_steps:
            return HEAD_RATE * _rate_share(self.steps, self.head_steps, self.settings.warm_up)
        done, steps = self.steps - self.head_steps, self.settings.steps
        return self.settings.learning_rate * _rate_share(done, steps, self.settings.warm_up)

    @torch.no_grad()
    def scored(self, asked: KeptRows, told: Callable[[int], None] | None = None) -> Scores:
        """Scores on a split.

        Args:
            asked: the clouds to be answered for; large ones go in pieces.
            told: is called with the number of clouds that are done.
        """
        self.network.set_training(False)
        scores = self.task.scores()
        for place in range(len(asked)):
            cloud = asked.cloud(place)
            scores.add(self.network.head.answered(asked[place], cloud.volume), cloud)
            if told is not None:
                told(place + 1)
        return scores

    def save(self, path: Path, origin: dict[str, str]) -> None:
        """Write a checkpoint; a file of that name is either whole or the old one.

        Args:
            path: the file.
            origin: what the run depends on.
        """
        state = {f"network.{name}": value for name, value in self._own_state().items()}
        for number, parameter in enumerate(self.trained):
            for name, value in self.optimiser.state.get(parameter, {}).items():
                state[f"optimiser.{number}.{name}"] = value
        about = {"format": FORMAT, "steps": str(self.steps), "seconds": str(self.seconds)}
        write_weights(path, state, about | {"origin": json.dumps(origin, sort_keys=True)})

    def load(self, path: Path, origin: dict[str, str]) -> None:
        """Go on from a checkpoint.

        Raises:
            UserError: it is damaged, or of a run with other options or data.
        """
        state, about = read_checkpoint(path, origin)
        try:
            own = {name[8:]: value for name, value in state.items() if name[:8] == "network."}
            missing, unexpected = self.network.load_state_dict(own, strict=False)
            if unexpected or set(missing) & set(self._own_state()):
                raise KeyError(*unexpected, *missing)
            for name, value in state.items():
                if name.startswith("optimiser."):
                    _, number, part = name.split(".")
                    self.optimiser.state[self.trained[int(number)]][part] = value.to(
                        "cpu" if part == "step" else self.device
                    )
            self.steps, self.seconds = int(about["steps"]), float(about["seconds"])
        except (KeyError, ValueError, IndexError, RuntimeError) as error:
            raise UserError(f"{path} is damaged ({error}); {_REMEDY}") from error

    def _own_state(self) -> dict[str, Tensor]:
        """What differs from the backbone that the run began with."""
        state = self.network.state_dict()
        if self.network.mode != "frozen":
            return state
        return {name: value for name, value in state.items() if name.startswith("head.")}


def read_checkpoint(path: Path, origin: dict[str, str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and texts of a checkpoint.

    Raises:
        UserError: it is damaged, or of a run with other options or data.
    """
    state, about = read_weights(path, "a checkpoint of condense probe", FORMAT, _REMEDY)
    if about.get("origin") != json.dumps(origin, sort_keys=True):
        raise UserError(f"{path} is of a run with other options or data; {_REMEDY}")
    return state, about


def _rate_share(done: int, steps: int, warm_up: float) -> float:
    """A rising line, then half a cosine down to 1 %."""
    progress = done / steps
    if progress < warm_up:
        return (done + 1) / (warm_up * steps + 1)
    way = (progress - warm_up) / (1 - warm_up)
    return _LAST_SHARE + (1 - _LAST_SHARE) * (1 + math.cos(math.pi * min(way, 1.0))) / 2
