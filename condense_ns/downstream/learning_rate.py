"""The learning rate of a linear probe, chosen on a part of the clouds it may learn from (7.3)."""

from collections import Counter
from dataclasses import replace

from condense_ns.downstream.kept_rows import KeptRows
from condense_ns.downstream.label_budget import labelled_places
from condense_ns.downstream.task import Task
from condense_ns.downstream.task_network import TaskNetwork
from condense_ns.downstream.task_training import TaskTrainer, TrainingSettings

RATES = (1e-3, 3e-3, 1e-2)
LEAST_CLOUDS = 5
"""Without which nothing can be set aside."""
_SET_ASIDE = 20.0  # percent


def chosen_rate(
    network: TaskNetwork,
    task: Task,
    kept: KeptRows,
    settings: TrainingSettings,
    seed: int,
) -> float:
    """The rate of `RATES` with the best figure on a fifth of the clouds.

    It is that of the settings where there are too few clouds, or a class has only one.

    Args:
        network: frozen; its head is left as it was.
        task: whose first figure decides.
        kept: clouds whose labels may be used, and their rows.
        settings: for the training with each rate.
        seed: of what is set aside and of the training.
    """
    categories = kept.clouds.split.categories
    alone = categories is not None and min(Counter(categories).values()) < 2
    if not network.frozen or len(kept) < LEAST_CLOUDS or alone:
        return settings.learning_rate
    aside = labelled_places(kept.clouds.split, _SET_ASIDE, seed)
    rest = sorted(set(range(len(kept))) - set(aside))
    learnt, asked = kept.chosen(rest), kept.chosen(aside)
    start = {name: value.clone() for name, value in network.head.state_dict().items()}
    figures: dict[float, float] = {}
    for rate in RATES:
        network.head.load_state_dict(start)
        tried = replace(settings, learning_rate=rate)
        trainer = TaskTrainer(network, task, learnt, tried, seed)
        while trainer.steps < settings.steps:
            trainer.step()
        figures[rate] = next(iter(trainer.scored(asked).figures().values()))
    network.head.load_state_dict(start)
    return max(figures, key=lambda rate: figures[rate])
