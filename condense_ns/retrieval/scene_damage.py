"""What is wrong with the scenes of an index, if anything; each is looked at by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from condense_ns.errors import UserError
from condense_ns.keypoints.array_layout import UnsoundArraysError
from condense_ns.retrieval.scene_rows import digest, rows_of, scene_of_row

if TYPE_CHECKING:
    import lancedb

ROW_ID = "_rowid"
"""LanceDB's own."""
_BATCH = 64
_FAILURES = (OSError, RuntimeError, ValueError)
"""What LanceDB raises for files that are gone or damaged."""


@dataclass(frozen=True)
class Damage:
    """What `SceneIndex.verify` found."""

    scene: str
    problem: str
    is_unreadable: bool = False
    """Whether nothing of the scene can be had, so that searches fail, too."""


def verdicts(table: "lancedb.table.Table") -> Iterator[tuple[str, Damage | None]]:
    """Each scene's name and what is wrong with it, as the table is when this begins."""
    seen: set[str] = set()
    with _as_it_is(table):
        for number, row in _rows(table):
            if isinstance(row, Exception):
                name = _name_of(table, number)
                yield name, Damage(name, f"it cannot be read ({_line_of(row)})", True)
            else:
                problem = problem_of(row, seen)
                yield row["name"], Damage(row["name"], problem) if problem else None


def drop_unreadable(table: "lancedb.table.Table", place: str) -> int:
    """Remove the scenes that cannot be read; their number. All others stay as they are.

    Args:
        table: of scenes.
        place: of the index, for the error.

    Raises:
        UserError: no scene at all can be read, as when a disk is away, or somebody wrote to the index
            meanwhile; nothing is removed then.
    """
    version, count = table.version, table.count_rows()
    with _as_it_is(table):
        whole = [str(row[ROW_ID]) for _, row in _rows(table) if isinstance(row, dict)]
    if len(whole) == count:
        return 0
    if not whole:
        raise UserError(
            f"no scene of the index {place} can be read; put its files back, or delete it and make another"
        )
    if table.version != version:
        raise UserError(f"somebody wrote to the index {place} meanwhile; run this again")
    table.delete(f"{ROW_ID} not in ({', '.join(whole)})")
    return count - len(whole)


@contextmanager
def _as_it_is(table: "lancedb.table.Table") -> Iterator[None]:
    """While this lasts, nothing that others write is seen."""
    table.checkout(table.version)
    try:
        yield
    finally:
        table.checkout_latest()


def _rows(table: "lancedb.table.Table") -> Iterator[tuple[int, dict[str, Any] | Exception]]:
    """Each scene's row, or its place and why it cannot be read; files hold one scene or several."""
    count = table.count_rows()
    for first in range(0, count, _BATCH):
        places = list(range(first, min(first + _BATCH, count)))
        try:
            found = list(zip(places, _read(table, places), strict=True))
        except _FAILURES:
            found = [(place, _read_alone(table, place)) for place in places]
        yield from found


def _read_alone(table: "lancedb.table.Table", place: int) -> dict[str, Any] | Exception:
    try:
        return _read(table, [place])[0]
    except _FAILURES as error:
        return error


def _read(table: "lancedb.table.Table", places: list[int]) -> list[dict[str, Any]]:
    """Rows in any order, with their ids."""
    return rows_of(table.take_offsets(places).with_row_id().to_arrow())


def _name_of(table: "lancedb.table.Table", place: int) -> str:
    """Of a scene whose other columns cannot be read."""
    try:
        return table.take_offsets([place]).select(["name"]).to_arrow()["name"][0].as_py()
    except _FAILURES:
        return f"number {place + 1}, whose name is lost"


def _line_of(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def problem_of(row: dict[str, Any], seen: set[str]) -> str | None:
    """What is wrong with a row.

    Args:
        row: as `scene_rows.rows_of` gives it, perhaps with LanceDB's own id.
        seen: names of the rows before, to which its own is added.
    """
    if row["name"] in seen:
        return "the name occurs twice"
    seen.add(row["name"])
    content = {name: value for name, value in row.items() if name != ROW_ID}
    if digest(content) != row["digest"]:
        return "its bytes have changed since it was added"
    try:
        scene = scene_of_row(row)
    except UnsoundArraysError as error:
        return str(error)
    return None if scene.name == row["name"] else "its name is another one inside"
