"""A scene descriptor as arrays and metadata: what files and rows of a repository hold, and what makes it sound.

Places are kept in single precision from the middle of the scene's box, descriptors in half precision.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from condense_ns.keypoints.array_layout import (
    ANY,
    Arrays,
    Layout,
    Metadata,
    check_layout,
    in_layout,
    require,
)
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
    for number, vector in enumerate(scene.embeddings.values()):
        arrays[embedding_name(number)] = _numpy(vector)
    return in_layout(arrays, _layout(len(scene.embeddings)))


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
        UnsoundArraysError: it does not hold.
    """
    check_metadata(metadata)
    count = len(metadata["embeddings"])
    _check_lengths(check_layout(arrays, _layout(count)), metadata)
    _check_values(arrays, count)


def is_name(name: object) -> bool:
    """Whether something can be a scene's name: printable text of 1 to `LONGEST_NAME` letters."""
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and name.isprintable()


def check_metadata(metadata: Metadata) -> None:
    """Types and values of what the JSON holds.

    Raises:
        UnsoundArraysError: they are others.
    """
    keys = {"name", "source", "embeddings", "language", "provenance"}
    require(isinstance(metadata, dict) and keys <= metadata.keys(), "the metadata lack a part")
    name = metadata["name"]
    require(is_name(name), f"the name is no printable text of 1 to {LONGEST_NAME} letters")
    require(isinstance(metadata["provenance"], dict), "provenance is no table")
    require(isinstance(metadata["embeddings"], list), "embeddings is no list")
    sources = [metadata["source"], *metadata["embeddings"]]
    if metadata["language"] is not None:
        sources.append(metadata["language"])
    for source in sources:
        is_source = isinstance(source, dict) and source.keys() == {"spec", "fingerprint"}
        is_source = is_source and all(isinstance(text, str) for text in source.values())
        require(is_source, "a source of features is no spec and fingerprint")
    specs = [entry["spec"] for entry in metadata["embeddings"]]
    require(len(set(specs)) == len(specs), "embeddings name one encoder twice")


def _check_lengths(lengths: dict[str, int], metadata: Metadata) -> None:
    """Numbers of keypoints, regions and pixels."""
    require(0 < lengths["keypoints"] <= MOST_KEYPOINTS, "there are no or too many keypoints")
    pixels = lengths["height"] * lengths["width"]
    require(0 < pixels <= MOST_PIXELS, "the thumbnail has no or too many pixels")
    has_regions = metadata["language"] is not None
    require((lengths["regions"] > 0) == has_regions, "regions and language disagree")


def _check_values(arrays: Mapping[str, np.ndarray], embeddings: int) -> None:
    """Unit vectors, a box with its corners in order, radii that are not negative."""
    low, high = arrays["box"]
    require(bool((low <= high).all()), "the corners of the box are in the wrong order")
    require(bool((arrays["region_radii"] >= 0).all()), "a radius is negative")
    vectors = ["descriptors", "region_embeddings", *map(embedding_name, range(embeddings))]
    for name in vectors:
        lengths = np.linalg.norm(arrays[name].astype(np.float32), axis=-1)
        require(bool((np.abs(lengths - 1.0) < UNIT_TOLERANCE).all()), f"{name} are no unit vectors")


def _layout(embeddings: int) -> Layout:
    """Of a scene with vectors of so many encoders."""
    return LAYOUT | {embedding_name(number): (VECTORS, (ANY,)) for number in range(embeddings)}


def _named(source: FeatureSource) -> dict[str, str]:
    return {"spec": source.spec, "fingerprint": source.fingerprint}


def _units(vectors: Tensor) -> Tensor:
    return F.normalize(vectors.float(), dim=-1)


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
