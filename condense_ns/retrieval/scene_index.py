"""A repository of scenes: a table of LanceDB, in a folder, in object storage or on a server.

Whoever reads sees the scenes of a moment; whoever writes adds or removes whole rows, and LanceDB makes
two writers take turns. A process that dies leaves what was there before, and perhaps files that nobody
refers to, which `optimize` removes after a week.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from condense_ns.errors import UserError
from condense_ns.keypoints.array_layout import UnsoundArraysError
from condense_ns.keypoints.scene_arrays import embedding_name
from condense_ns.retrieval.lance_tables import (
    ELSEWHERE,
    connected,
    in_one_sentence,
    is_nowhere,
    make_name_index,
    make_vector_index,
    quoted,
    share_outside,
)
from condense_ns.retrieval.scene_damage import Damage, drop_unreadable, verdicts
from condense_ns.retrieval.scene_descriptor import REGIONS
from condense_ns.retrieval.scene_rows import row_of, rows_of, scene_of_row
from condense_ns.retrieval.scene_schema import Contents, contents_of, fitted, schema_of
from condense_ns.tensors import SceneDescriptor

if TYPE_CHECKING:
    import lancedb
    import pyarrow

TABLE = "scenes"
VECTORS_WORTH_AN_INDEX = 16_384
"""Below so many vectors of a column, comparing with all of them is as fast."""
STALE = 0.1
"""Share of scenes outside the vector index from which on it is made anew."""
PROBES = 4
"""Parts of the vector index, of about the square root of their number, that are looked into."""
_BATCH = 64


@dataclass(frozen=True)
class SceneRecord:
    """One line of a list of scenes."""

    name: str
    keypoints: int
    box: tuple[float, ...]
    """Lowest x, y, z, highest x, y, z."""
    metadata: str
    """JSON: encoders and provenance."""


class SceneIndex:
    """An open index; `SceneIndex.open` and `SceneIndex.create` make one."""

    def __init__(self, table: "lancedb.table.Table", place: str) -> None:
        self._table, self.place = table, place
        self.contents = contents_of(table.schema, place)

    @classmethod
    def open(cls, uri: str, storage_options: dict[str, str] | None = None) -> "SceneIndex":
        """The index at a place.

        Args:
            uri: a folder, or a URI of LanceDB: s3://, gs://, az://, db://.
            storage_options: of the object storage, see LanceDB.

        Raises:
            UserError: none is there, it is not ours, or lancedb is missing.
        """
        found = cls.open_if_there(uri, storage_options)
        if found is None:
            raise UserError(f"there is no index at {uri}; make one with condense index add")
        return found

    @classmethod
    def open_if_there(
        cls, uri: str, storage_options: dict[str, str] | None = None
    ) -> "SceneIndex | None":
        """The same; None if there is none.

        Raises:
            UserError: it is not ours, or lancedb is missing.
        """
        if is_nowhere(uri):
            return None
        database = connected(uri, storage_options)
        with in_one_sentence(uri, ELSEWHERE):
            there = TABLE in database.list_tables().tables
            return cls(database.open_table(TABLE), uri) if there else None

    @classmethod
    def open_or_create(
        cls, uri: str, scene: SceneDescriptor, storage_options: dict[str, str] | None = None
    ) -> "SceneIndex":
        """The index at a place, which begins with the encoders of `scene` if there is none.

        Args:
            uri: as for `open`.
            scene: what is going to be the first scene.
            storage_options: as for `open`.

        Raises:
            UserError: as for `open`.
        """
        database = connected(uri, storage_options)
        with in_one_sentence(uri, ELSEWHERE):
            if TABLE not in database.list_tables().tables:
                schema = schema_of(Contents.of_scene(scene))
                database.create_table(TABLE, schema=schema, exist_ok=True)
            return cls(database.open_table(TABLE), uri)

    def __len__(self) -> int:
        """Number of scenes."""
        with in_one_sentence(self.place):
            return self._table.count_rows()

    def add(self, scene: SceneDescriptor) -> None:
        """Add a scene; when this returns, every reader sees it.

        Raises:
            UserError: vectors of other encoders, a name that is taken, or an unsound descriptor.
        """
        self.add_all([scene])

    def add_all(self, scenes: Sequence[SceneDescriptor]) -> None:
        """Add scenes, all of them or none, in one step.

        Raises:
            UserError: as for `add`, or two of one name.
        """
        import pyarrow as pa

        if not scenes:
            return
        fitting = [fitted(scene, self.contents, self.place) for scene in scenes]
        rows = pa.concat_tables([row_of(scene, self.contents) for scene in fitting])
        own = dict(zip(rows["name"].to_pylist(), rows["id"].to_pylist(), strict=True))
        with in_one_sentence(self.place):
            if len(own) < len(scenes):
                raise UserError("two scenes that are to be added have one name; rename one")
            self._require_free(self._ids(list(own)))
            self._table.add(rows)
            # of two writers that met, the second one sees both rows, and gives way
            first = dict(reversed(self._ids(list(own))))
            met = [(name, other) for name, other in first.items() if other != own[name]]
            if met:
                self._table.delete(f"id in ({', '.join(map(quoted, own.values()))})")
                self._require_free(met)

    def require_free(self, name: str) -> None:
        """Tell before a scene is described that its name is taken.

        Raises:
            UserError: it is.
        """
        with in_one_sentence(self.place):
            self._require_free(self._ids([name]))

    def _require_free(self, found: list[tuple[str, str]]) -> None:
        if found:
            raise UserError(
                f"the index {self.place} has a scene {found[0][0]!r} already; remove it or use --name"
            )

    def remove(self, name: str) -> None:
        """Remove a scene.

        Raises:
            UserError: there is none of this name.
        """
        with in_one_sentence(self.place):
            if not self._ids([name]):
                raise UserError(f"the index {self.place} has no scene {name!r}")
            self._table.delete(f"name = {quoted(name)}")

    def records(self) -> list[SceneRecord]:
        """All scenes, by name."""
        columns = ["name", "keypoints", "box", "metadata"]
        with in_one_sentence(self.place):
            found = self._rows(self._table.search().select(columns).limit(len(self) or 1))
        made = [SceneRecord(**{**row, "box": tuple(row["box"])}) for row in found]
        return sorted(made, key=lambda record: record.name)

    def scenes(self, names: Sequence[str]) -> list[SceneDescriptor]:
        """Whole scenes, in the order of their names.

        Raises:
            UserError: one is missing or damaged.
        """
        wanted = ", ".join(map(quoted, names)) or "''"
        with in_one_sentence(self.place):
            query = self._table.search().where(f"name in ({wanted})").limit(max(1, len(names)))
            rows = {row["name"]: row for row in self._rows(query)}
        for name in names:
            if name not in rows:
                raise UserError(f"the index {self.place} has no scene {name!r}")
        try:
            return [scene_of_row(rows[name]) for name in names]
        except UnsoundArraysError as error:
            raise UserError(
                f"{self.place} is damaged ({error}); run condense index verify"
            ) from error

    def all_names(self) -> list[str]:
        """Names of all scenes, sorted."""
        with in_one_sentence(self.place):
            found = self._rows(self._table.search().select(["name"]).limit(len(self) or 1))
        return sorted(row["name"] for row in found)

    def nearest(
        self,
        column: str,
        vectors: Float[np.ndarray, "vectors channels"],
        count: int,
        wanted: Sequence[str] = ("name",),
        probes: int = PROBES,
    ) -> list[dict[str, Any]]:
        """Scenes whose vectors are near, nearest first: for each vector its best cosine in the scene, summed.

        Args:
            column: `descriptors`, `regions` or that of an embedding.
            vectors: unit vectors, at least one.
            count: scenes.
            wanted: columns of the answer.
            probes: parts of the vector index that are looked into, if there is one.
        """
        with in_one_sentence(self.place):
            asked = vectors if len(vectors) > 1 else vectors[0]
            query: Any = self._table.search(asked, vector_column_name=column)
            query = query.distance_type("cosine").nprobes(probes).limit(count)
            return self._rows(query.select([*wanted, "_distance"]))

    def build(self, again: bool = False) -> list[str]:
        """Bring the indexes of the columns up to date where that is worth it; says of which.

        Args:
            again: also if few scenes are outside.
        """
        with in_one_sentence(self.place):
            made, count = [], len(self)
            for column, channels, each in self._vector_columns():
                total = count * each
                stale = again or share_outside(self._table, column) > STALE
                if total >= VECTORS_WORTH_AN_INDEX and stale:
                    make_vector_index(self._table, column, channels, total)
                    made.append(column)
            if made:
                make_name_index(self._table, "name")
            return made

    def _vector_columns(self) -> Iterator[tuple[str, int, int]]:
        """Column, width of a vector and number of vectors in a scene, about."""
        head = self._table.search().select(["keypoints"]).limit(_BATCH).to_arrow()
        sizes = head["keypoints"].to_numpy()
        each = round(float(sizes.mean())) if len(sizes) else 0
        yield "descriptors", self.contents.descriptors.channels, each
        for number, column in enumerate(self.contents.embeddings):
            yield embedding_name(number), column.channels, 1
        if self.contents.language is not None:
            yield "regions", self.contents.language.channels, REGIONS

    def optimize(self) -> None:
        """Join small files, forget old versions of the table, and files that nobody refers to."""
        with in_one_sentence(self.place):
            self._table.optimize(cleanup_older_than=timedelta(days=7))

    def verify(self) -> Iterator[tuple[str, Damage | None]]:
        """Read every scene and check everything in it; each scene's name and what is wrong with it."""
        with in_one_sentence(self.place, ELSEWHERE):
            yield from verdicts(self._table)

    def drop_unreadable(self) -> int:
        """Remove the scenes that cannot be read; their number. UserError if others write meanwhile."""
        with in_one_sentence(self.place, ELSEWHERE):
            return drop_unreadable(self._table, self.place)

    def _ids(self, names: Sequence[str]) -> list[tuple[str, str]]:
        """Names that are in the table, and the ids of their rows, in the order in which they came in."""
        wanted = f"name in ({', '.join(map(quoted, names))})"
        query = self._table.search().where(wanted).select(["name", "id"]).with_row_id(True)
        rows = self._rows(query.limit(len(self) or 1))
        rows.sort(key=lambda row: row["_rowid"])  # rows that come in later get larger numbers
        return [(row["name"], row["id"]) for row in rows]

    @staticmethod
    def _rows(query: Any) -> list[dict[str, Any]]:
        found: pyarrow.Table = query.to_arrow()
        return rows_of(found)
