"""Files of named arrays and of JSON that describes them, of a format and version: ``.npz``, nothing to run."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members, write_members
from condense_ns.keypoints.array_layout import Arrays, Metadata, UnsoundArraysError

_METADATA = "metadata"
_HEADER = ("format", "version")


@dataclass(frozen=True)
class DescribedArrays:
    """One kind of file."""

    format: str
    """What the JSON calls it."""
    version: int
    """Of the format; files of others are refused."""
    word: str
    """What messages call it."""
    remedy: str
    """What to do about arrays that are not sound, for messages."""
    check: Callable[[Arrays, Metadata], None]
    """Raises `UnsoundArraysError` if arrays or metadata are not what readers rely on."""

    def write(self, path: Path, arrays: Arrays, metadata: Metadata) -> None:
        """Write a file; `path` is never left half-written, and equal content gives equal bytes.

        Raises:
            UserError: the file cannot be written, or no reader would accept the content.
            TypeError: the metadata hold something that JSON cannot hold.
            ValueError: they hold NaN or infinity.
        """
        with self.naming(path):
            self.check(arrays, metadata)
        header = {"format": self.format, "version": self.version, **metadata}
        text = json.dumps(header, allow_nan=False).encode("utf-8")
        write_members(path, {_METADATA: np.frombuffer(text, np.uint8), **arrays})

    def read(self, path: Path) -> tuple[Arrays, Metadata]:
        """What `write` was given, checked.

        Raises:
            UserError: no such file, or one that is damaged, of another version or not sound.
        """
        metadata = self.metadata(path)
        arrays = read_members(path)
        del arrays[_METADATA]
        with self.naming(path):
            self.check(arrays, metadata)
        return arrays, metadata

    def metadata(self, path: Path) -> Metadata:
        """The JSON alone, not checked beyond format and version.

        Raises:
            UserError: the file is none of these, or of another version.
        """
        metadata = _header(path)
        if metadata.get("format") != self.format:
            raise UserError(f"{path} is no {self.word}; give one that condense wrote")
        if metadata.get("version") != self.version:
            raise UserError(
                f"{path} is a {self.word} of version {metadata.get('version')}, of which only "
                f"{self.version} is known here; update condense_ns"
            )
        return {key: value for key, value in metadata.items() if key not in _HEADER}

    def announces(self, path: Path) -> bool:
        """Whether a file says that it is of this format, sound or not.

        Raises:
            UserError: no such file, or a damaged one.
        """
        return _header(path).get("format") == self.format

    @contextmanager
    def naming(self, path: Path) -> Iterator[None]:
        """Name the file whose content turns out not to be sound.

        Raises:
            UserError: it is not.
        """
        try:
            yield
        except UnsoundArraysError as error:
            raise UserError(f"{path}: {error}; {self.remedy}") from error


def _header(path: Path) -> Metadata:
    """What the JSON says, empty if there is none."""
    array = read_members(path, [_METADATA]).get(_METADATA)
    try:
        header = json.loads(b"" if array is None else array.tobytes())
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}
