"""Checkpoints of the trainings that a command runs by itself: whole, and of these settings or none."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch

from condense_ns.errors import UserError
from condense_ns.whole_files import whole_file


@runtime_checkable
class Stateful(Protocol):
    """A module, an optimiser or a schedule."""

    def state_dict(self) -> dict[str, Any]:
        """All that changes."""
        ...

    def load_state_dict(self, state_dict: Any) -> Any:
        """Take it over."""
        ...


def save_training(
    path: Path,
    parts: Mapping[str, Stateful],
    numbers: Mapping[str, Any],
    origin: Mapping[str, Any],
) -> None:
    """Write a checkpoint; a file of that name is either whole or the old one.

    Args:
        path: the file.
        parts: what changes.
        numbers: and what else is needed to go on, e.g. how many steps are done.
        origin: what the weights depend on.

    Raises:
        UserError: the file cannot be written.
    """
    states = {name: part.state_dict() for name, part in parts.items()}
    with whole_file(path) as unfinished:
        torch.save({**states, **numbers, "origin": dict(origin)}, unfinished)


def load_training(
    path: Path, parts: Mapping[str, Stateful], origin: Mapping[str, Any]
) -> dict[str, Any]:
    """Go on from a checkpoint; what was saved beside its parts.

    Args:
        path: the file.
        parts: as they were saved; they take their states over.
        origin: what the weights depend on now.

    Raises:
        UserError: it is damaged, or comes from other settings or photographs.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state.pop("origin")
    except (
        OSError,
        RuntimeError,
        EOFError,
        KeyError,
        TypeError,
        AttributeError,
        pickle.UnpicklingError,
    ) as error:
        raise UserError(
            f"{path} cannot be read as a checkpoint; delete it to begin anew"
        ) from error
    if found != origin:
        raise UserError(
            f"{path} comes from other settings or photographs; delete it, or let the new training lie elsewhere"
        )
    for name, part in parts.items():
        part.load_state_dict(state.pop(name))
    return state
