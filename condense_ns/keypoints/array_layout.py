"""Named arrays, and what types and shapes they must have: for what is kept in files and taken from strangers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Metadata = dict[str, Any]
Layout = Mapping[str, tuple[str, tuple[str | int, ...]]]
"""Numpy type and shape of each array. A side is a length, the name of a length that arrays share, or `ANY`."""
ANY = ""
"""A side of any length."""


class UnsoundArraysError(ValueError):
    """The arrays or the metadata are not what they should be; the message says what is wrong."""


def require(holds: bool, otherwise: str) -> None:
    """Raises: UnsoundArraysError: something does not hold."""
    if not holds:
        raise UnsoundArraysError(otherwise)


def in_layout(arrays: Arrays, layout: Layout) -> Arrays:
    """The arrays in their types; numbers beyond a type become infinite, which `check_layout` refuses."""
    with np.errstate(over="ignore"):
        return {name: array.astype(layout[name][0]) for name, array in arrays.items()}


def check_layout(
    arrays: Mapping[str, np.ndarray], layout: Layout, known: Mapping[str, int] | None = None
) -> dict[str, int]:
    """Whether these arrays are there, no others, in their types and shapes, and finite.

    Args:
        arrays: by name.
        layout: what they must be.
        known: lengths of named sides that are known beforehand.

    Returns:
        The length of every named side.

    Raises:
        UnsoundArraysError: they are not.
    """
    for name in sorted(layout.keys() ^ arrays.keys()):
        require(name not in layout, f"{name} is missing")
        require(name in layout, f"{name} is unknown")
    lengths = dict(known or {})
    for name, (dtype, sides) in layout.items():
        array = arrays[name]
        require(array.dtype == np.dtype(dtype), f"{name} holds {array.dtype} instead of {dtype}")
        require(_fits(array.shape, sides, lengths), f"{name} has the shape {array.shape}")
        require(bool(np.isfinite(array).all()), f"{name} holds NaN or infinity")
    return lengths


def _fits(shape: tuple[int, ...], sides: tuple[str | int, ...], lengths: dict[str, int]) -> bool:
    """Whether a shape is as described; the first array with a named side says how long that is."""
    if len(shape) != len(sides):
        return False
    return all(
        side == ANY
        or length == (side if isinstance(side, int) else lengths.setdefault(side, length))
        for length, side in zip(shape, sides, strict=True)
    )
