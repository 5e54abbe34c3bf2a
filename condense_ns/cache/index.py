"""Which map lies where in a store: a small SQLite file.

SQLite gives what a store needs: a lock between processes that the kernel drops when its holder is
killed, and entries that appear whole or not at all.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from condense_ns.cache.store_error import StoreError

LOCK_SECONDS = 120.0

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS entries (
        key TEXT PRIMARY KEY, first_row INTEGER NOT NULL UNIQUE, rows INTEGER NOT NULL,
        columns INTEGER NOT NULL, image TEXT NOT NULL, checksum INTEGER NOT NULL)""",
)


@dataclass(frozen=True)
class StoredEntry:
    """Where the map of one image lies."""

    key: str
    """Key of the image (`cache/key.py`)."""
    first_row: int
    """Row of the store's matrix that holds the first cell."""
    rows: int
    """Height of the map in cells."""
    columns: int
    """Width of the map in cells."""
    image: str
    """Name of the image, for messages."""
    checksum: int
    """CRC-32 of the map's bytes."""

    @property
    def end_row(self) -> int:
        """Row of the store's matrix behind the last cell."""
        return self.first_row + self.rows * self.columns


class StoreIndex:
    """Entries and header texts of one store. Holds no connection, so any thread may use it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, header: dict[str, str]) -> None:
        """Write the header unless another process already has."""
        with self.locked() as database:
            for statement in _SCHEMA:
                database.execute(statement)
            if not database.execute("SELECT 1 FROM meta").fetchone():
                database.executemany("INSERT INTO meta VALUES (?, ?)", header.items())

    def header(self) -> dict[str, str]:
        """The header texts; empty when the store has not been created."""
        if not self.path.exists():
            return {}
        with self._connected() as database:
            known = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
            return dict(database.execute("SELECT name, value FROM meta")) if known else {}

    def entries(self) -> dict[str, StoredEntry]:
        """All entries by key, in the order in which they were stored."""
        with self._connected() as database:
            found = database.execute(
                "SELECT key, first_row, rows, columns, image, checksum FROM entries"
                " ORDER BY first_row"
            )
            return {record[0]: StoredEntry(*record) for record in found}

    @contextmanager
    def locked(self) -> Iterator[sqlite3.Connection]:
        """The only writer among all processes; what it changes becomes visible at the end."""
        with self._connected() as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection; closing it undoes what was not committed."""
        try:
            connection = sqlite3.connect(self.path, timeout=LOCK_SECONDS, isolation_level=None)
            with closing(connection) as database:
                # The index is not synced to the disk: a killed process loses nothing by that, and
                # what a power cut may damage is found damaged and can be encoded again.
                database.execute("PRAGMA synchronous = OFF")
                yield database
        except sqlite3.Error as error:
            raise StoreError(_explained(self.path, error)) from error


def end_row(database: sqlite3.Connection) -> int:
    """Row behind the last stored map."""
    last = database.execute(
        "SELECT first_row + rows * columns FROM entries ORDER BY first_row DESC LIMIT 1"
    ).fetchone()
    return last[0] if last else 0


def insert(database: sqlite3.Connection, entry: StoredEntry) -> None:
    """Add an entry to a locked index."""
    database.execute(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
        (entry.key, entry.first_row, entry.rows, entry.columns, entry.image, entry.checksum),
    )


def _explained(path: Path, error: sqlite3.Error) -> str:
    text = str(error)
    if "disk is full" in text:
        return f"the disk of {path.parent} is full; free space and run again, it continues"
    if "locked" in text:
        return (
            f"another process has been writing {path} for {LOCK_SECONDS:.0f} s; "
            "stop it or wait, then run again"
        )
    if "readonly" in text or "unable to open" in text:
        return f"the feature store's index {path} cannot be written ({text}); check permissions"
    return (
        f"the feature store's index {path} is damaged ({text}); "
        f"delete the folder {path.parent} and run again, it will be rebuilt"
    )
