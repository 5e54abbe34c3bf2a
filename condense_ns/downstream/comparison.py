"""Backbones beside each other on tasks: which runs a table is made of, and the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from condense_ns.downstream.backbone_choice import PROBES, RANDOM, SCRATCH, Mode
from condense_ns.downstream.task_run import RunPlan
from condense_ns.report.words import spread


@dataclass(frozen=True)
class Cell:
    """One figure of one backbone with one share of the labels, over seeds."""

    values: tuple[float, ...]
    """One for each seed."""
    labelled: int
    """Clouds with labels, the same for every seed."""

    def __str__(self) -> str:
        return spread(self.values)


def modes_of(backbone: str, modes: Sequence[Mode]) -> list[Mode]:
    """How a backbone is used: random ones are probed only, ones from scratch trained as a whole only.

    Args:
        backbone: a file, random or scratch.
        modes: those that are wanted of a file.
    """
    if backbone == RANDOM:
        return [mode for mode in modes if mode in PROBES]
    if backbone == SCRATCH:
        return ["all"] if any(mode not in PROBES for mode in modes) else []
    return list(modes)


def plans_of(
    backbones: Sequence[str],
    modes: Sequence[Mode],
    labels: Sequence[float],
    seeds: int,
    probing: RunPlan,
    finetuning: RunPlan,
) -> Iterator[RunPlan]:
    """The runs of one task, those with few labels first.

    Args:
        backbones: files, random, scratch.
        modes: of files.
        labels: percent.
        seeds: 0 to one less than this.
        probing: what all runs with a frozen backbone have in common.
        finetuning: what all others have in common.
    """
    for share in labels:
        for seed in range(seeds):
            for backbone in backbones:
                for mode in modes_of(backbone, modes):
                    common = probing if mode in PROBES else finetuning
                    yield replace(common, backbone=backbone, mode=mode, labels=share, seed=seed)


def row_name(row: dict[str, Any]) -> str:
    """What a row of the table is called."""
    how = {
        "frozen": "probe",
        "adapters": "probe, input adapter trained",
        "encoder": "fine-tuned, decoder anew",
        "all": "fine-tuned",
    }
    if row["backbone"] == SCRATCH:
        return "from scratch"
    return f"{Path(row['backbone']).stem}, {how[row['mode']]}"


def table_of(rows: Sequence[dict[str, Any]], figure: str) -> dict[str, dict[float, Cell]]:
    """Cells by the name of a row and the percentage of labels.

    Args:
        rows: as `run_task` writes them, of one task.
        figure: which one.
    """
    values: dict[str, dict[float, list[dict[str, Any]]]] = {}
    for row in rows:
        values.setdefault(row_name(row), {}).setdefault(row["labels"], []).append(row)
    return {
        name: {share: _cell(found, figure) for share, found in shares.items()}
        for name, shares in values.items()
    }


def _cell(rows: list[dict[str, Any]], figure: str) -> Cell:
    found = tuple(float(row["figures"][figure]) for row in rows)
    return Cell(found, rows[0]["labelled_clouds"])
