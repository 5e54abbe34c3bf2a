"""Reading the weights of a style: a folder of raw arrays and a ``manifest.json`` that lists them.

The manifest gives a file and a shape for each name; the file holds the array's numbers, float32,
little endian, row by row, and nothing else.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.operators.base import OperatorError

MANIFEST = "manifest.json"
_DTYPE = np.dtype("<f4")

Shapes = Mapping[str, tuple[int, ...]]


def read_weights(folder: Path, shapes: Shapes) -> dict[str, Float[Tensor, "..."]]:
    """The arrays of those names.

    Args:
        folder: with the manifest and its files.
        shapes: name and shape of each array that is needed; others in the folder are ignored.

    Raises:
        OperatorError: a file that is missing, unreadable or not of the size of its array, an array of
            another shape, or numbers that are not finite.
    """
    entries = _manifest(folder)
    return {name: _array(folder, name, shape, entries) for name, shape in shapes.items()}


def weight_files(folder: Path, shapes: Shapes) -> list[Path]:
    """The files that hold the arrays of those names."""
    entries = _manifest(folder)
    return [folder / entries[name]["filename"] for name in shapes]


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    remedy = f"give the folder of a style: its {MANIFEST} and the files that this lists"
    if not path.is_file():
        raise OperatorError(f"{path} is missing; {remedy}")
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OperatorError(f"{path} cannot be read ({error}); {remedy}") from error
    if not isinstance(entries, dict):
        raise OperatorError(f"{path} holds a {type(entries).__name__}, not an object; {remedy}")
    return entries


def _array(
    folder: Path, name: str, shape: tuple[int, ...], entries: dict[str, Any]
) -> Float[Tensor, "..."]:
    """One array, its file measured before it is read."""
    entry = entries.get(name)
    entry = entry if isinstance(entry, dict) else {}
    file = entry.get("filename")
    if not isinstance(file, str) or Path(file).name != file:
        raise OperatorError(
            f"{folder / MANIFEST} names no file of this folder for {name}; download the style again"
        )
    if entry.get("shape") != list(shape):
        raise OperatorError(
            f"{folder / MANIFEST}: {name} has the shape {entry.get('shape')}, expected {list(shape)}; "
            "use a network of J. Johnson's layout with 32, 64 and 128 channels"
        )
    path = folder / file
    size = math.prod(shape) * _DTYPE.itemsize
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        state = "is missing" if found is None else f"has {found} bytes"
        raise OperatorError(f"{path} {state}, expected {size} bytes; download the style again")
    values = np.fromfile(path, _DTYPE).reshape(shape).astype(np.float32)
    if not np.isfinite(values).all():
        raise OperatorError(f"{path} holds numbers that are not finite; download the style again")
    return torch.from_numpy(values)
