"""LanceDB as an index of scenes needs it: connections, vector indexes, and its errors in one sentence."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from condense_ns.errors import UserError

if TYPE_CHECKING:
    import lancedb
    from lancedb.index import BTree, IvfPq

SUB_VECTOR = 4
"""Numbers that one byte of the vector index stands for."""
VERIFY = "condense index verify tells of each scene"
ELSEWHERE = "check its place, restore its files, or name another one with --index"


def make_vector_index(table: "lancedb.table.Table", column: str, channels: int, total: int) -> None:
    """Have LanceDB make the vector index of a column: IVF with product quantisation.

    Args:
        table: with vectors in it.
        column: of vectors, or of lists of vectors.
        channels: width of a vector.
        total: number of vectors, about.
    """
    from lancedb.index import IvfPq

    parts = max(1, round(math.sqrt(total)))
    pieces = next(
        size for size in range(max(1, channels // SUB_VECTOR), 0, -1) if not channels % size
    )
    config = IvfPq(
        distance_type="cosine",
        num_partitions=parts,
        num_sub_vectors=pieces,
        sample_rate=64,
        max_iterations=15,
    )
    _make_index(table, column, config)


def make_name_index(table: "lancedb.table.Table", column: str) -> None:
    """Have LanceDB make the index of a column of texts."""
    from lancedb.index import BTree

    _make_index(table, column, BTree())


def _make_index(table: "lancedb.table.Table", column: str, config: "IvfPq | BTree") -> None:
    """Make an index, unless another process that makes the same is ready first."""
    try:
        table.create_index(column, config=config, replace=True)
    except RuntimeError as error:
        if "commit conflict" not in str(error):
            raise


def share_outside(table: "lancedb.table.Table", column: str) -> float:
    """Share of the rows that the index of a column does not know, in [0, 1]; 1 without an index."""
    known = [entry for entry in table.list_indices() if list(entry.columns) == [column]]
    statistics = table.index_stats(known[0].name) if known else None
    if statistics is None:
        return 1.0
    outside = statistics.num_unindexed_rows
    return outside / max(1, outside + statistics.num_indexed_rows)


def connected(uri: str, storage_options: dict[str, str] | None) -> "lancedb.DBConnection":
    """The database at a place, whose tables show at once what others wrote.

    Raises:
        UserError: lancedb is missing, or the place cannot be reached.
    """
    try:
        import lancedb
    except ImportError as error:
        raise UserError(
            f"indexes of scenes need lancedb ({error}); pip install 'condense_ns[index]'"
        ) from error
    with in_one_sentence(uri, ELSEWHERE):
        return lancedb.connect(
            uri, read_consistency_interval=timedelta(0), storage_options=storage_options
        )


def is_nowhere(uri: str) -> bool:
    """Whether a place is a folder that is not there, which LanceDB would make."""
    return "://" not in uri and not Path(uri).expanduser().exists()


def quoted(text: str) -> str:
    """A text of SQL."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def in_one_sentence(place: str, remedy: str = VERIFY) -> Iterator[None]:
    """What LanceDB says when it fails, as an error for users.

    Args:
        place: of the index.
        remedy: what to do.

    Raises:
        UserError: LanceDB fails.
    """
    try:
        yield
    except UserError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        line = next(iter(str(error).splitlines()), type(error).__name__)
        raise UserError(f"the index {place} cannot be used ({line[:200]}); {remedy}") from error
