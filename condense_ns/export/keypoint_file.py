"""A keypoint set as one ``.npz`` file, whose numbers every program with numpy can read."""

from pathlib import Path
from typing import Any

from condense_ns.export.described_arrays import DescribedArrays
from condense_ns.export.keypoint_arrays import arrays_of, check, keypoints_of, metadata_of
from condense_ns.keypoints.array_layout import Arrays, Metadata, require
from condense_ns.keypoints.keypoint_set import Keypoints3D


def _check(arrays: Arrays, metadata: Metadata) -> None:
    """Raises: UnsoundArraysError: the set or its provenance is not sound."""
    _check_provenance(metadata)
    check(arrays, metadata)


def _check_provenance(metadata: Metadata) -> None:
    """Raises: UnsoundArraysError: there is none."""
    require(isinstance(metadata.get("provenance"), dict), "provenance is no table")


_FILE = DescribedArrays("condense keypoints", 1, "keypoint file", "make the keypoints anew", _check)


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
    _FILE.write(path, arrays_of(keypoints), {**metadata_of(keypoints), "provenance": provenance})


def read_keypoints(path: Path) -> Keypoints3D:
    """The set in a file of `write_keypoints`, which is checked in every detail.

    Raises:
        UserError: no such file, or one that is damaged, of a newer version or no sound set.
    """
    return keypoints_of(*_FILE.read(path))


def read_provenance(path: Path) -> dict[str, Any]:
    """What `write_keypoints` was told of the origin of a set.

    Raises:
        UserError: no such file, or one that is damaged, of a newer version or without it.
    """
    metadata = _FILE.metadata(path)
    with _FILE.naming(path):
        _check_provenance(metadata)
    return metadata["provenance"]
