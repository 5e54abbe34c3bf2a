"""The learning rate of a linear probe, chosen on a part of the clouds it may learn from (7.3)."""

from collections import Counter
from dataclasses import replace

import torch

from condense_ns.downstream.label_budget import labelled_places
from condense_ns.downstream.prepared_split import PreparedSplit
from condense_ns.downstream.task import Task
from condense_ns.downstream.task_network import KeptRows, TaskNetwork
from condense_ns.downstream.task_training import TaskTrainer, TrainingSettings

RATES = (1e-3, 3e-3, 1e-2)
LEAST_CLOUDS = 5
"""Without which nothing can be set aside."""
_SET_ASIDE = 20.0  # percent


def chosen_rate(
    network: TaskNetwork,
    task: Task,
    clouds: PreparedSplit,
    settings: TrainingSettings,
    seed: int,
    device: torch.device,
) -> float:
    """The rate of `RATES` with the best figure on a fifth of the clouds.

    It is that of the settings where there are too few clouds, or a class has only one.

    Args:
        network: frozen; its head is left as it was.
        task: whose first figure decides.
        clouds: those whose labels may be used.
        settings: for the training with each rate.
        seed: of what is set aside and of the training.
        device: where to compute.
    """
    categories = clouds.split.categories
    alone = categories is not None and min(Counter(categories).values()) < 2
    if not network.frozen or len(clouds) < LEAST_CLOUDS or alone:
        return settings.learning_rate
    aside = labelled_places(clouds.split, _SET_ASIDE, seed)
    rest = sorted(set(range(len(clouds))) - set(aside))
    learnt, asked = (
        PreparedSplit(clouds.data, clouds.split.chosen(places), clouds.how)
        for places in (rest, aside)
    )
    start = {name: value.clone() for name, value in network.head.state_dict().items()}
    kept = KeptRows(network, learnt, device)
    figures: dict[float, float] = {}
    for rate in RATES:
        network.head.load_state_dict(start)
        tried = replace(settings, learning_rate=rate)
        trainer = TaskTrainer(network, task, learnt, tried, seed, device, kept)
        while trainer.steps < settings.steps:
            trainer.step()
        figures[rate] = next(iter(trainer.scored(asked).figures().values()))
    network.head.load_state_dict(start)
    return max(figures, key=lambda rate: figures[rate])
