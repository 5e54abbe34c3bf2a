"""A keypoint set as one ``.npz`` file, whose numbers every program with numpy can read."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from condense_ns.errors import UserError
from condense_ns.export.keypoint_arrays import (
    Arrays,
    Metadata,
    UnsoundSetError,
    arrays_of,
    check,
    keypoints_of,
    metadata_of,
)
from condense_ns.export.npz_members import read_members, write_members
from condense_ns.keypoints.keypoint_set import Keypoints3D

_FORMAT, _VERSION = "condense keypoints", 1
_METADATA = "metadata"


def write_keypoints(path: Path, keypoints: Keypoints3D, provenance: dict[str, Any]) -> None:
    """Write a set; `path` is never left half-written, and equal sets give equal bytes.

    Args:
        path: the file, by custom with the ending ``.npz``; its folder is made if missing.
        keypoints: what to write. Descriptors are kept in half precision, positions and poses in
            double, all other numbers in single precision.
        provenance: where the set comes from, in what JSON can hold.

    Raises:
        UserError: the file cannot be written, or the set holds numbers that no reader accepts.
        TypeError: `provenance` holds something that JSON cannot hold.
        ValueError: `provenance` holds NaN or infinity.
    """
    own = metadata_of(keypoints)
    arrays = arrays_of(keypoints)
    _require_sound(arrays, own, path)
    header = {"format": _FORMAT, "version": _VERSION, **own, "provenance": provenance}
    text = json.dumps(header, allow_nan=False).encode("utf-8")
    write_members(path, {_METADATA: np.frombuffer(text, np.uint8), **arrays})


def read_keypoints(path: Path) -> Keypoints3D:
    """The set in a file of `write_keypoints`, which is checked in every detail.

    Raises:
        UserError: no such file, or one that is damaged, of a newer version or no sound set.
    """
    metadata = _read_metadata(path)
    arrays = read_members(path)
    del arrays[_METADATA]
    _require_sound(arrays, metadata, path)
    return keypoints_of(arrays, metadata)


def read_provenance(path: Path) -> dict[str, Any]:
    """What `write_keypoints` was told of the origin of a set.

    Raises:
        UserError: no such file, or one that is damaged or of a newer version.
    """
    return _read_metadata(path)["provenance"]


def _read_metadata(path: Path) -> Metadata:
    """The JSON of a file of the version that is known here.

    Raises:
        UserError: the file is none, or of another version.
    """
    array = read_members(path, [_METADATA]).get(_METADATA)
    try:
        metadata = json.loads(b"" if array is None else array.tobytes())
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict) or metadata.get("format") != _FORMAT:
        raise UserError(f"{path} is no keypoint file; give one that condense wrote")
    if metadata.get("version") != _VERSION:
        raise UserError(
            f"{path} is a keypoint file of version {metadata.get('version')}, of which only "
            f"{_VERSION} is known here; update condense_ns"
        )
    if not isinstance(metadata.get("provenance"), dict):
        raise UserError(f"{path}: provenance is no table; make the keypoints anew")
    return metadata


def _require_sound(arrays: Arrays, metadata: Metadata, path: Path) -> None:
    """Name the file whose content is not sound.

    Raises:
        UserError: the content is not sound.
    """
    try:
        check(arrays, metadata)
    except UnsoundSetError as error:
        raise UserError(f"{path}: {error}; make the keypoints anew") from error
