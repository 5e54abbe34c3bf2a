"""The feature maps of one encoder on one scene: an index and one matrix of half-precision cells.

A store is a folder: ``index.sqlite`` (`cache/index.py`), ``maps.f16`` with the cells of all maps one
after another, and ``basis.safetensors`` if the features are compressed. A map counts as stored once
its bytes are on disk *and* its entry is committed; bytes without an entry, left by a killed process,
are overwritten by the next map.
"""

import errno
import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.cache.index import StoredEntry, StoreIndex, end_row, insert
from condense_ns.cache.mapped_matrix import MappedMatrix
from condense_ns.cache.store_error import StoreError

FORMAT_VERSION = 1
BYTES_PER_NUMBER = 2
SPARE_BYTES = 64 << 20  # left free on the disk


@dataclass(frozen=True)
class StoreIdentity:
    """What a store holds; one of another encoder or other settings is refused."""

    spec: str
    """The encoder's spec, for messages."""
    fingerprint: str
    """The encoder's fingerprint, hexadecimal."""
    width: int
    """Numbers per cell: the encoder's channels, or the components of the compression."""
    scene: str
    """Name of the scene's folder when the store was made, for messages. Keys are made of content, so
    that features stay usable when the folder is renamed."""

    def header(self) -> dict[str, str]:
        """As the index keeps it."""
        return {
            "format": str(FORMAT_VERSION),
            **{name: str(value) for name, value in asdict(self).items()},
        }


@dataclass(frozen=True)
class NewMap:
    """A feature map to be stored."""

    key: str
    """Key of the image (`cache/key.py`)."""
    image: str
    """Name of the image, for messages."""
    cells: Float[Tensor, "rows columns width"]
    """The features."""


class FeatureStore:
    """Append-only maps of float16, safe for several processes and for `kill -9`.

    Args:
        folder: created if missing.
        identity: what it holds or shall hold.

    Raises:
        StoreError: it holds something else, is damaged or truncated, or cannot be written.
    """

    def __init__(self, folder: Path, identity: StoreIdentity) -> None:
        self.folder, self.identity = folder, identity
        self.index = StoreIndex(folder / "index.sqlite")
        self.matrix_file = folder / "maps.f16"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.matrix_file.touch()
        except OSError as error:
            raise StoreError(
                f"the feature store {folder} cannot be written ({error.strerror}); choose another "
                "folder with --pipeline.datamanager.feature-store"
            ) from error
        self.index.create(identity.header())
        self._check_header()
        self._check_size()

    def append(self, maps: Sequence[NewMap]) -> None:
        """Store maps, all or none of them; those that another process has stored are left out.

        Raises:
            StoreError: a width that is not the store's, numbers that half precision cannot hold, or
                a full disk; the maps stored before stay.
        """
        contents = {new.key: self._content(new) for new in maps}
        with self.index.locked() as database:
            first_row, unknown = end_row(database), bytearray()
            for new in maps:
                if database.execute("SELECT 1 FROM entries WHERE key = ?", (new.key,)).fetchone():
                    continue
                rows, columns, _ = new.cells.shape
                content = contents[new.key]
                at = first_row + len(unknown) // (self.identity.width * BYTES_PER_NUMBER)
                checksum = zlib.crc32(content)
                insert(database, StoredEntry(new.key, at, rows, columns, new.image, checksum))
                unknown += content
            self._write(first_row, unknown)

    def _content(self, new: NewMap) -> bytes:
        """The bytes of a map, checked."""
        halves = new.cells.detach().to("cpu", torch.float16).contiguous()
        if halves.shape[-1] != self.identity.width:
            raise StoreError(
                f"features of {new.image} have {halves.shape[-1]} numbers per cell, the store "
                f"{self.folder} has {self.identity.width}"
            )
        if not halves.isfinite().all():
            raise StoreError(
                f"{self.identity.spec} answers NaN or numbers beyond half precision for "
                f"{new.image}; check that image, or choose another output of the encoder"
            )
        return halves.numpy().tobytes()

    def matrix(self) -> MappedMatrix:
        """All cells that are stored now, mapped from the disk."""
        rows = max(entry.end_row for entry in self.index.entries().values())
        return MappedMatrix(self.matrix_file, rows, self.identity.width)

    def check_space(self, cells: int) -> None:
        """Refuse work that would fill the disk.

        Raises:
            StoreError: `cells` more cells do not fit.
        """
        needed = cells * self.identity.width * BYTES_PER_NUMBER + SPARE_BYTES
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise StoreError(
                f"features need {needed / 1e9:.2f} GB but the disk of {self.folder} has "
                f"{free / 1e9:.2f} GB free; free space, choose another folder with "
                "--pipeline.datamanager.feature-store, or compress with "
                "--pipeline.datamanager.feature-components"
            )

    def _write(self, first_row: int, content: bytearray) -> None:
        """Bytes of maps onto the disk, at their place."""
        try:
            with self.matrix_file.open("r+b") as stream:
                stream.seek(first_row * self.identity.width * BYTES_PER_NUMBER)
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            reason = "the disk is full" if full else str(error.strerror or error)
            raise StoreError(
                f"features cannot be written to {self.matrix_file}: {reason}; mend that and run "
                "again, it continues where it stopped"
            ) from error

    def _check_header(self) -> None:
        known = self.index.header()
        for name, ours in self.identity.header().items():
            if name != "scene" and known.get(name) != ours:
                raise StoreError(
                    f"the feature store {self.folder} holds other features ({name} "
                    f"{known.get(name, 'missing')}, wanted {ours}); delete it or choose another "
                    "folder with --pipeline.datamanager.feature-store"
                )

    def _check_size(self) -> None:
        rows = max((entry.end_row for entry in self.index.entries().values()), default=0)
        expected = rows * self.identity.width * BYTES_PER_NUMBER
        found = self.matrix_file.stat().st_size
        if found < expected:
            raise StoreError(
                f"the feature store {self.matrix_file} is truncated: {found} of {expected} bytes; "
                f"delete the folder {self.folder} and run again, it will be rebuilt"
            )
