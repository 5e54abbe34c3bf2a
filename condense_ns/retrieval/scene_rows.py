"""Scenes as rows of a table, there and back.

One scene is one row, so that it is in the table whole or not at all.
"""

import hashlib
import io
import json
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from condense_ns.errors import UserError
from condense_ns.keypoints.array_layout import Arrays, UnsoundArraysError
from condense_ns.keypoints.scene_arrays import (
    LAYOUT,
    arrays_of,
    check,
    embedding_name,
    metadata_of,
    scene_of,
)
from condense_ns.retrieval.scene_schema import PACKED, Contents, schema_of
from condense_ns.tensors import SceneDescriptor

if TYPE_CHECKING:
    import pyarrow

_SHAPES = {"offsets": (-1, 3), "region_offsets": (-1, 3), "region_radii": (-1,)}
_SHAPES["poses"] = (-1, 2, 3, 4)
_QUALITY = 75
LARGEST_THUMBNAIL = (128, 96)
"""Width and height in pixels."""


def row_of(scene: SceneDescriptor, contents: Contents) -> "pyarrow.Table":
    """One row; its id is new.

    Raises:
        UserError: the descriptor is not sound.
    """
    import pyarrow as pa

    scene = replace(scene, thumbnail=_small(scene.thumbnail))
    arrays, metadata = arrays_of(scene), metadata_of(scene)
    try:
        check(arrays, metadata)
    except UnsoundArraysError as error:
        raise UserError(
            f"the scene {scene.name!r} is not sound: {error}; describe it anew"
        ) from error
    schema = schema_of(contents)
    values: dict[str, Any] = {
        "id": [uuid.uuid4().hex],
        "name": [scene.name],
        "keypoints": pa.array([len(scene.xyz)], pa.int32()),
        "descriptors": _vector_lists(arrays["descriptors"]),
        "box": [arrays["box"].ravel().tolist()],
        "thumbnail": [_webp(arrays["thumbnail"])],
        "metadata": [json.dumps(metadata, allow_nan=False)],
        **{name: [arrays[name].tobytes()] for name in PACKED},
    }
    for number in range(len(contents.embeddings)):
        vector = arrays[embedding_name(number)]
        values[embedding_name(number)] = pa.FixedSizeListArray.from_arrays(
            pa.array(vector), len(vector)
        )
    if contents.language is not None:
        values["regions"] = _vector_lists(arrays["region_embeddings"])
    values["digest"] = [digest(values)]
    return pa.table(values, schema=schema)


def scene_of_row(row: dict[str, Any]) -> SceneDescriptor:
    """The scene in a row of `rows_of`, checked; the thumbnail has lost a little.

    Raises:
        UnsoundArraysError: the row is damaged.
    """
    try:
        metadata = json.loads(row["metadata"])
        arrays: Arrays = {name: _unpacked(name, row[name]) for name in PACKED}
        pictured = Image.open(io.BytesIO(row["thumbnail"]), formats=["WEBP"]).convert("RGB")
        arrays |= {"box": np.array(row["box"]).reshape(2, 3), "thumbnail": np.array(pictured)}
    except (ValueError, OSError, TypeError, RecursionError) as error:
        raise UnsoundArraysError(f"a part cannot be read ({error})") from error
    arrays["descriptors"] = row["descriptors"]
    arrays["region_embeddings"] = row.get("regions", np.zeros((0, 1), np.float16))
    arrays |= {name: value for name, value in row.items() if name.startswith("embedding_")}
    check(arrays, metadata)
    return scene_of(arrays, metadata)


def rows_of(table: "pyarrow.Table | pyarrow.RecordBatch") -> list[dict[str, Any]]:
    """Rows by column; vectors as arrays, everything else as Python has it."""
    rows: list[dict[str, Any]] = [{} for _ in range(table.num_rows)]
    for name in table.schema.names:
        for row, value in zip(rows, table.column(name), strict=True):
            row[name] = _vectors(value) if _holds_vectors(name) else value.as_py()
    return rows


def digest(values: dict[str, Any]) -> str:
    """Hexadecimal, of everything in a row but its id and the digest itself."""
    content = hashlib.sha256()
    for name in sorted(values.keys() - {"id", "digest"}):
        value = values[name]
        if not isinstance(value, np.ndarray):
            value = _vectors(value[0]) if _holds_vectors(name) else _plain(value)
        is_array = isinstance(value, np.ndarray)
        content.update(f"{name} ".encode())
        content.update(np.ascontiguousarray(value).tobytes() if is_array else repr(value).encode())
    return content.hexdigest()


def _plain(value: Any) -> Any:
    """The one value of a column with one row, or the value of a row."""
    value = value.to_pylist() if hasattr(value, "to_pylist") else value
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _holds_vectors(name: str) -> bool:
    return name in ("descriptors", "regions") or name.startswith("embedding_")


def _vectors(value: Any) -> np.ndarray:
    """Half-precision numbers of one cell: a vector, or a list of vectors."""
    flat = value.values
    if hasattr(flat.type, "list_size"):  # a list of vectors
        width = flat.type.list_size
        return np.array(flat.flatten()).reshape(-1, width)
    return np.array(flat)


def _vector_lists(vectors: np.ndarray) -> "pyarrow.Array":
    """A column with one list of vectors."""
    import pyarrow as pa

    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    return pa.ListArray.from_arrays(pa.array([0, len(vectors)], pa.int32()), flat)


def _unpacked(name: str, packed: bytes) -> np.ndarray:
    return np.frombuffer(bytearray(packed), LAYOUT[name][0]).reshape(_SHAPES[name])


def _small(thumbnail: torch.Tensor) -> torch.Tensor:
    picture = Image.fromarray(thumbnail.numpy())
    picture.thumbnail(LARGEST_THUMBNAIL)
    return torch.from_numpy(np.array(picture))


def _webp(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "WEBP", quality=_QUALITY, method=4)
    return content.getvalue()
