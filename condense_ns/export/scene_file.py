"""A scene descriptor as one ``.npz`` file that can be taken from strangers: arrays and JSON, nothing to run."""

import json
from pathlib import Path

import numpy as np

from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members, write_members
from condense_ns.keypoints.scene_arrays import (
    Arrays,
    Metadata,
    UnsoundSceneError,
    arrays_of,
    check,
    metadata_of,
    scene_of,
)
from condense_ns.tensors import SceneDescriptor

_FORMAT, _VERSION = "condense scene", 1
_METADATA = "metadata"


def write_scene_file(path: Path, scene: SceneDescriptor) -> None:
    """Write a descriptor; `path` is never left half-written, and equal scenes give equal bytes.

    Args:
        path: the file, by custom with the ending ``.npz``; its folder is made if missing.
        scene: what to write. Vectors are kept in half precision, places in single precision from the
            middle of the scene.

    Raises:
        UserError: the file cannot be written, or the descriptor is not sound.
        TypeError: its provenance holds something that JSON cannot hold.
        ValueError: its provenance holds NaN or infinity.
    """
    own, arrays = metadata_of(scene), arrays_of(scene)
    _require_sound(arrays, own, path)
    header = {"format": _FORMAT, "version": _VERSION, **own}
    text = json.dumps(header, allow_nan=False).encode("utf-8")
    write_members(path, {_METADATA: np.frombuffer(text, np.uint8), **arrays})


def read_scene_file(path: Path) -> SceneDescriptor:
    """The scene in a file of `write_scene_file`, which is checked in every detail.

    Raises:
        UserError: no such file, or one that is damaged, of a newer version or no sound scene.
    """
    metadata = _read_metadata(path)
    arrays = read_members(path)
    del arrays[_METADATA]
    _require_sound(arrays, metadata, path)
    return scene_of(arrays, metadata)


def is_scene_file(path: Path) -> bool:
    """Whether a file says that it holds a scene descriptor, sound or not.

    Raises:
        UserError: no such file, or a damaged one.
    """
    return _header(path).get("format") == _FORMAT


def _read_metadata(path: Path) -> Metadata:
    """The JSON of a file of the version that is known here.

    Raises:
        UserError: the file is none, or of another version.
    """
    metadata = _header(path)
    if metadata.get("format") != _FORMAT:
        raise UserError(f"{path} is no scene file; give one that condense wrote")
    if metadata.get("version") != _VERSION:
        raise UserError(
            f"{path} is a scene file of version {metadata.get('version')}, of which only {_VERSION} "
            "is known here; update condense_ns"
        )
    return {key: metadata[key] for key in metadata if key not in ("format", "version")}


def _header(path: Path) -> Metadata:
    """What the JSON says, empty if there is none."""
    array = read_members(path, [_METADATA]).get(_METADATA)
    try:
        header = json.loads(b"" if array is None else array.tobytes())
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def _require_sound(arrays: Arrays, metadata: Metadata, path: Path) -> None:
    """Name the file whose content is not sound.

    Raises:
        UserError: the content is not sound.
    """
    try:
        check(arrays, metadata)
    except UnsoundSceneError as error:
        raise UserError(f"{path}: {error}; describe the scene anew") from error
