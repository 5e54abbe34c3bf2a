"""The columns of a table of scenes, and what it must know of encoders.

The schema's metadata say which version this is and which networks made the vectors. All scenes of one
index have the same; a scene with others is refused.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from condense_ns.errors import UserError
from condense_ns.keypoints.scene_arrays import embedding_name
from condense_ns.tensors import FeatureSource, SceneDescriptor

if TYPE_CHECKING:
    import pyarrow

VERSION = 1
_KEY = b"condense_ns"
PACKED = ("offsets", "region_offsets", "region_radii", "poses")
"""Arrays that nobody searches: the bytes of `LAYOUT`, without their shapes."""


@dataclass(frozen=True)
class VectorColumn:
    """Vectors of one source, all as wide."""

    source: FeatureSource
    channels: int


@dataclass(frozen=True)
class Contents:
    """What the vectors of an index are; every scene in it has the same."""

    descriptors: VectorColumn
    embeddings: tuple[VectorColumn, ...]
    language: VectorColumn | None

    @classmethod
    def of_scene(cls, scene: SceneDescriptor) -> "Contents":
        """Those of a scene, for an index that begins with it."""
        pooled = [
            VectorColumn(FeatureSource(spec, scene.fingerprints[spec]), len(vector))
            for spec, vector in scene.embeddings.items()
        ]
        regions = scene.regions
        return cls(
            VectorColumn(scene.source, scene.descriptors.shape[1]),
            tuple(pooled),
            None if regions is None else VectorColumn(regions.source, regions.embeddings.shape[1]),
        )


def schema_of(contents: Contents) -> "pyarrow.Schema":
    """The columns of a table for such scenes."""
    import pyarrow as pa

    def vectors(column: VectorColumn) -> pa.DataType:
        return pa.list_(pa.float16(), column.channels)

    fields = [
        pa.field("id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("keypoints", pa.int32(), nullable=False),
        pa.field("descriptors", pa.list_(vectors(contents.descriptors)), nullable=False),
        pa.field("box", pa.list_(pa.float64(), 6), nullable=False),
        pa.field("thumbnail", pa.binary(), nullable=False),
        pa.field("metadata", pa.string(), nullable=False),
        pa.field("digest", pa.string(), nullable=False),
        *(pa.field(name, pa.binary(), nullable=False) for name in PACKED),
    ]
    for number, column in enumerate(contents.embeddings):
        fields.append(pa.field(embedding_name(number), vectors(column), nullable=False))
    if contents.language is not None:
        fields.append(pa.field("regions", pa.list_(vectors(contents.language)), nullable=False))
    about = {"version": VERSION, **asdict(contents)}
    return pa.schema(fields, metadata={_KEY: json.dumps(about).encode()})


def contents_of(schema: "pyarrow.Schema", place: str) -> Contents:
    """What the schema of a table says, checked.

    Args:
        schema: of the table.
        place: what messages call the index.

    Raises:
        UserError: no table of ours, of another version, or with other columns than it says.
    """
    try:
        about = json.loads((schema.metadata or {})[_KEY])
        version = about["version"]
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(f"{place} is no index of scenes; give one that condense made") from error
    if version != VERSION:
        raise UserError(
            f"{place} is an index of version {version}, of which only {VERSION} is known here; update "
            "condense_ns, or build the index anew"
        )
    try:
        contents = Contents(
            _column(about["descriptors"]),
            tuple(map(_column, about["embeddings"])),
            None if about["language"] is None else _column(about["language"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{place}: what it says of its encoders is damaged; build it anew"
        ) from error
    if not schema.equals(schema_of(contents)):
        raise UserError(f"{place} has other columns than it says; build the index anew")
    return contents


def fitted(scene: SceneDescriptor, contents: Contents, place: str) -> SceneDescriptor:
    """The scene with what an index keeps of it.

    Raises:
        UserError: its vectors are of other networks; the message names both.
    """
    own = Contents.of_scene(scene)
    _require_same(scene.name, "descriptors", own.descriptors, contents.descriptors, place)
    known = {column.source.fingerprint: column for column in own.embeddings}
    for column in contents.embeddings:
        others = own.embeddings[0] if own.embeddings else None
        found = known.get(column.source.fingerprint, others)
        _require_same(scene.name, "scene vectors", found, column, place)
    if contents.language is None:
        scene = replace(scene, regions=None)
    else:
        _require_same(scene.name, "words", own.language, contents.language, place)
    specs = {fingerprint: spec for spec, fingerprint in scene.fingerprints.items()}
    kept = [(column.source, specs[column.source.fingerprint]) for column in contents.embeddings]
    return replace(
        scene,
        embeddings={source.spec: scene.embeddings[spec] for source, spec in kept},
        fingerprints={source.spec: source.fingerprint for source, _ in kept},
    )


def _column(about: dict[str, Any]) -> VectorColumn:
    return VectorColumn(FeatureSource(**about["source"]), int(about["channels"]))


def _require_same(
    name: str, what: str, own: VectorColumn | None, known: VectorColumn, place: str
) -> None:
    """Both sources must be one.

    Raises:
        UserError: they are not.
    """
    if own is not None and (own.source.fingerprint, own.channels) == (
        known.source.fingerprint,
        known.channels,
    ):
        return
    theirs = "no encoder" if own is None else _told(own)
    raise UserError(
        f"the {what} of the scene {name!r} are of {theirs}, those of the index {place} of "
        f"{_told(known)}; describe the scene with that, or begin another index"
    )


def _told(column: VectorColumn) -> str:
    source = column.source
    return f"{source.spec} ({source.fingerprint[:12]}, {column.channels} numbers)"
