"""A scene descriptor as arrays and metadata: what files and rows of a repository hold, and what makes it sound.

Places are kept in single precision from the middle of the scene's box, descriptors in half precision.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from condense_ns.tensors import FeatureSource, SceneDescriptor, SceneRegions

PLACES, NUMBERS, VECTORS, BYTES = "<f8", "<f4", "<f2", "|u1"
LAYOUT: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "offsets": (NUMBERS, ("keypoints", 3)),
    "descriptors": (VECTORS, ("keypoints", "channels")),
    "box": (PLACES, (2, 3)),
    "thumbnail": (BYTES, ("height", "width", 3)),
    "region_offsets": (NUMBERS, ("regions", 3)),
    "region_radii": (NUMBERS, ("regions",)),
    "region_embeddings": (VECTORS, ("regions", "language")),
    "poses": (PLACES, ("views", 2, 3, 4)),
}
"""Numpy type and shape of each array. Those of `embedding_name` come on top."""
MOST_KEYPOINTS, MOST_PIXELS, LONGEST_NAME = 1_000_000, 1 << 20, 200
UNIT_TOLERANCE = 0.01

Arrays = dict[str, np.ndarray]
Metadata = dict[str, Any]


class UnsoundSceneError(ValueError):
    """The arrays or the metadata are no scene descriptor; the message says what is wrong."""


def embedding_name(number: int) -> str:
    """Name of the array that holds a scene's one vector of an encoder."""
    return f"embedding_{number}"


def metadata_of(scene: SceneDescriptor) -> Metadata:
    """What JSON can hold of a scene."""
    return {
        "name": scene.name,
        "source": _named(scene.source),
        "embeddings": [
            {"spec": spec, "fingerprint": scene.fingerprints[spec]} for spec in scene.embeddings
        ],
        "language": None if scene.regions is None else _named(scene.regions.source),
        "provenance": scene.provenance,
    }


def arrays_of(scene: SceneDescriptor) -> Arrays:
    """The numbers of a scene, in the types of `LAYOUT`."""
    middle = scene.box.mean(dim=0)
    regions, none = scene.regions, np.zeros((0, 3))
    arrays = {
        "offsets": _numpy(scene.xyz - middle),
        "descriptors": _numpy(scene.descriptors),
        "box": _numpy(scene.box),
        "thumbnail": _numpy(scene.thumbnail),
        "region_offsets": none if regions is None else _numpy(regions.xyz - middle),
        "region_radii": none[:, 0] if regions is None else _numpy(regions.radii),
        "region_embeddings": none[:, :1] if regions is None else _numpy(regions.embeddings),
        "poses": np.zeros((0, 2, 3, 4)) if scene.poses is None else _numpy(scene.poses),
    }
    with np.errstate(over="ignore"):  # becomes infinite, which `check` refuses
        typed = {name: array.astype(LAYOUT[name][0]) for name, array in arrays.items()}
        for number, vector in enumerate(scene.embeddings.values()):
            typed[embedding_name(number)] = _numpy(vector).astype(VECTORS)
    return typed


def scene_of(arrays: Mapping[str, np.ndarray], metadata: Metadata) -> SceneDescriptor:
    """The scene that passed `check`; vectors are unit vectors again."""
    tensors = {name: torch.from_numpy(np.array(part)) for name, part in arrays.items()}
    middle = tensors["box"].mean(dim=0)
    pooled = metadata["embeddings"]
    language, regions = metadata["language"], None
    if language is not None:
        regions = SceneRegions(
            xyz=tensors["region_offsets"].double() + middle,
            radii=tensors["region_radii"],
            embeddings=_units(tensors["region_embeddings"]),
            source=FeatureSource(**language),
        )
    return SceneDescriptor(
        name=metadata["name"],
        xyz=tensors["offsets"].double() + middle,
        descriptors=_units(tensors["descriptors"]),
        source=FeatureSource(**metadata["source"]),
        embeddings={
            entry["spec"]: _units(tensors[embedding_name(number)])
            for number, entry in enumerate(pooled)
        },
        fingerprints={entry["spec"]: entry["fingerprint"] for entry in pooled},
        box=tensors["box"],
        thumbnail=tensors["thumbnail"],
        regions=regions,
        poses=tensors["poses"] if len(tensors["poses"]) else None,
        provenance=metadata["provenance"],
    )


def check(arrays: Mapping[str, np.ndarray], metadata: Metadata) -> None:
    """Everything that `scene_of` and a repository rely on.

    Raises:
        UnsoundSceneError: it does not hold.
    """
    check_metadata(metadata)
    count = len(metadata["embeddings"])
    layout = LAYOUT | {
        embedding_name(number): (VECTORS, (f"width {number}",)) for number in range(count)
    }
    for name in sorted(layout.keys() ^ arrays.keys()):
        _require(name not in layout, f"{name} is missing")
        _require(name in layout, f"{name} is unknown")
    lengths: dict[str, int] = {}
    for name, (dtype, sides) in layout.items():
        array = arrays[name]
        _require(array.dtype == np.dtype(dtype), f"{name} holds {array.dtype} instead of {dtype}")
        _require(_fits(array.shape, sides, lengths), f"{name} has the shape {array.shape}")
        _require(bool(np.isfinite(array).all()), f"{name} holds NaN or infinity")
    _check_lengths(lengths, metadata)
    _check_values(arrays, count)


def check_metadata(metadata: Metadata) -> None:
    """Types and values of what the JSON holds.

    Raises:
        UnsoundSceneError: they are others.
    """
    keys = {"name", "source", "embeddings", "language", "provenance"}
    _require(isinstance(metadata, dict) and keys <= metadata.keys(), "the metadata lack a part")
    name = metadata["name"]
    is_name = isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()
    _require(is_name, f"the name is no printable text of 1 to {LONGEST_NAME} letters")
    _require(isinstance(metadata["provenance"], dict), "provenance is no table")
    _require(isinstance(metadata["embeddings"], list), "embeddings is no list")
    sources = [metadata["source"], *metadata["embeddings"]]
    if metadata["language"] is not None:
        sources.append(metadata["language"])
    for source in sources:
        is_source = isinstance(source, dict) and source.keys() == {"spec", "fingerprint"}
        is_source = is_source and all(isinstance(text, str) for text in source.values())
        _require(is_source, "a source of features is no spec and fingerprint")
    specs = [entry["spec"] for entry in metadata["embeddings"]]
    _require(len(set(specs)) == len(specs), "embeddings name one encoder twice")


def _check_lengths(lengths: dict[str, int], metadata: Metadata) -> None:
    """Numbers of keypoints, regions and pixels."""
    _require(0 < lengths["keypoints"] <= MOST_KEYPOINTS, "there are no or too many keypoints")
    pixels = lengths["height"] * lengths["width"]
    _require(0 < pixels <= MOST_PIXELS, "the thumbnail has no or too many pixels")
    has_regions = metadata["language"] is not None
    _require((lengths["regions"] > 0) == has_regions, "regions and language disagree")


def _check_values(arrays: Mapping[str, np.ndarray], embeddings: int) -> None:
    """Unit vectors, a box with its corners in order, radii that are not negative."""
    low, high = arrays["box"]
    _require(bool((low <= high).all()), "the corners of the box are in the wrong order")
    _require(bool((arrays["region_radii"] >= 0).all()), "a radius is negative")
    vectors = ["descriptors", "region_embeddings", *map(embedding_name, range(embeddings))]
    for name in vectors:
        lengths = np.linalg.norm(arrays[name].astype(np.float32), axis=-1)
        _require(
            bool((np.abs(lengths - 1.0) < UNIT_TOLERANCE).all()), f"{name} are no unit vectors"
        )


def _fits(shape: tuple[int, ...], sides: tuple[str | int, ...], lengths: dict[str, int]) -> bool:
    """Whether a shape is as described; the first array with a named side says how long that is."""
    return len(shape) == len(sides) and all(
        length == (side if isinstance(side, int) else lengths.setdefault(side, length))
        for length, side in zip(shape, sides, strict=True)
    )


def _named(source: FeatureSource) -> dict[str, str]:
    return {"spec": source.spec, "fingerprint": source.fingerprint}


def _units(vectors: Tensor) -> Tensor:
    return F.normalize(vectors.float(), dim=-1)


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise UnsoundSceneError(otherwise)
