"""A keypoint set as arrays and metadata: what a keypoint file holds, and what makes it sound."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor

from condense_ns.geometry.projection import Camera
from condense_ns.geometry.similarity import Similarity
from condense_ns.keypoints.array_layout import (
    ANY,
    Arrays,
    Layout,
    Metadata,
    check_layout,
    in_layout,
    require,
)
from condense_ns.keypoints.keypoint_set import Frame, Keypoints3D, Observations, SeenView

_POSITIONS, _NUMBERS, _COUNTS, _FLAGS, _DESCRIPTORS = "<f8", "<f4", "<i4", "|u1", "<f2"
_LAYOUT: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "xyz": (_POSITIONS, ("keypoints", 3)),
    "scores": (_NUMBERS, ("keypoints",)),
    "colours": (_NUMBERS, ("keypoints", 3)),
    "normals": (_NUMBERS, ("keypoints", 3)),
    "scales": (_NUMBERS, ("keypoints",)),
    "uncertainty": (_NUMBERS, ("keypoints",)),
    "observed_keypoints": (_COUNTS, ("observations",)),
    "observed_views": (_COUNTS, ("observations",)),
    "observed_pixels": (_NUMBERS, ("observations", 2)),
    "camera_poses": (_POSITIONS, ("views", 3, 4)),
    "given_poses": (_POSITIONS, ("views", 3, 4)),
    "camera_focals": (_NUMBERS, ("views", 2)),
    "camera_centres": (_NUMBERS, ("views", 2)),
    "camera_distortions": (_NUMBERS, ("views", 6)),
    "camera_sizes": (_COUNTS, ("views", 2)),
    "camera_fisheye": (_FLAGS, ("views",)),
}
"""Numpy type and shape of each array. Those of descriptors come on top: their names are in the
metadata, as they may hold what no file name may."""
_ROTATION_TOLERANCE = 1e-3


def metadata_of(keypoints: Keypoints3D) -> Metadata:
    """What JSON can hold of a set: names, frame and similarity."""
    similarity = keypoints.to_dataset
    return {
        "frame": keypoints.frame,
        "to_dataset": {
            "rotation": similarity.rotation.tolist(),
            "translation": similarity.translation.tolist(),
            "scale": similarity.scale,
        },
        "descriptors": list(keypoints.descriptors),
        "views": [view.name for view in keypoints.views],
    }


def arrays_of(keypoints: Keypoints3D) -> Arrays:
    """The numbers of a set, in the types of `_LAYOUT`; descriptors in half precision."""
    seen, cameras = keypoints.observations, [view.camera for view in keypoints.views]
    arrays = {
        "xyz": _numpy(keypoints.xyz),
        "scores": _numpy(keypoints.scores),
        "colours": _numpy(keypoints.colours),
        "normals": _numpy(keypoints.normals),
        "scales": _numpy(keypoints.scales),
        "uncertainty": _numpy(keypoints.uncertainty),
        "observed_keypoints": _numpy(seen.keypoints),
        "observed_views": _numpy(seen.views),
        "observed_pixels": _numpy(seen.pixels),
        "camera_poses": _stacked(cameras, lambda camera: camera.camera_to_world, (3, 4)),
        "camera_focals": _stacked(cameras, lambda camera: camera.focal, (2,)),
        "camera_centres": _stacked(cameras, lambda camera: camera.centre, (2,)),
        "camera_distortions": _stacked(cameras, lambda camera: camera.distortion, (6,)),
        "camera_sizes": np.array([(camera.width, camera.height) for camera in cameras]),
        "camera_fisheye": np.array([camera.fisheye for camera in cameras]),
    }
    given = [_numpy(view.given_pose) for view in keypoints.views]
    arrays["given_poses"] = np.stack(given) if given else np.empty((0, 3, 4))
    arrays["camera_sizes"] = arrays["camera_sizes"].reshape(len(cameras), 2)
    for number, values in enumerate(keypoints.descriptors.values()):
        arrays[_descriptor(number)] = _numpy(values)
    return in_layout(arrays, _layout(len(keypoints.descriptors)))


def keypoints_of(arrays: Arrays, metadata: Metadata) -> Keypoints3D:
    """The set that passed `check`; descriptors are unit vectors again."""
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    descriptors = {
        name: torch.nn.functional.normalize(tensors[_descriptor(number)].float())
        for number, name in enumerate(metadata["descriptors"])
    }
    move = metadata["to_dataset"]
    return Keypoints3D(
        xyz=tensors["xyz"],
        scores=tensors["scores"],
        descriptors=descriptors,
        colours=tensors["colours"],
        normals=tensors["normals"],
        scales=tensors["scales"],
        uncertainty=tensors["uncertainty"],
        observations=Observations(
            tensors["observed_keypoints"].long(),
            tensors["observed_views"].long(),
            tensors["observed_pixels"],
        ),
        views=tuple(
            SeenView(name, _camera(tensors, number), tensors["given_poses"][number])
            for number, name in enumerate(metadata["views"])
        ),
        frame=metadata["frame"],
        to_dataset=Similarity(
            torch.tensor(move["rotation"], dtype=torch.float64),
            torch.tensor(move["translation"], dtype=torch.float64),
            float(move["scale"]),
        ),
    )


def check(arrays: Arrays, metadata: Metadata) -> None:
    """Everything that `keypoints_of` relies on.

    Raises:
        UnsoundArraysError: it does not hold.
    """
    _check_metadata(metadata)
    names = metadata["descriptors"]
    counts = check_layout(arrays, _layout(len(names)), {"views": len(metadata["views"])})
    _check_ranges(arrays, counts)
    for number, name in enumerate(names):
        has_length = arrays[_descriptor(number)].any(axis=1).all()
        require(bool(has_length), f"the descriptors {name} hold a vector of zeros")


def _check_metadata(metadata: Metadata) -> None:
    """Types and values of what the JSON holds."""
    require(metadata.get("frame") in get_args(Frame), "frame is neither dataset nor model")
    for name in ("descriptors", "views"):
        names = metadata.get(name)
        are_names = isinstance(names, list) and all(isinstance(entry, str) for entry in names)
        require(are_names, f"{name} is no list of names")
    names = metadata["descriptors"]
    require(len(set(names)) == len(names), "descriptors holds one name twice")
    _check_similarity(metadata.get("to_dataset"))


def _check_similarity(parts: Any) -> None:
    """A rotation, a translation and a scale above 0."""
    shapes = {"rotation": (3, 3), "translation": (3,), "scale": ()}
    has_parts = isinstance(parts, dict) and parts.keys() == shapes.keys()
    require(has_parts, "to_dataset is no rotation, translation and scale")
    for name, shape in shapes.items():
        require(_is_finite(parts[name], shape), f"{name} of to_dataset has other numbers or shape")
    rotation = np.array(parts["rotation"], dtype=np.float64)
    is_orthogonal = np.allclose(rotation @ rotation.T, np.eye(3), atol=_ROTATION_TOLERANCE)
    is_rotation = is_orthogonal and np.linalg.det(rotation) > 0
    require(bool(is_rotation), "rotation of to_dataset does more than rotate")
    require(parts["scale"] > 0, "scale of to_dataset is not above 0")


def _check_ranges(arrays: Arrays, counts: dict[str, int]) -> None:
    """Values of arrays whose types and shapes are right."""
    for name, least, most in (
        ("scores", 0, 1),
        ("observed_keypoints", 0, counts["keypoints"] - 1),
        ("observed_views", 0, counts["views"] - 1),
        ("camera_sizes", 1, np.inf),
        ("camera_fisheye", 0, 1),
    ):
        inside = (arrays[name] >= least) & (arrays[name] <= most)
        require(bool(inside.all()), f"{name} holds a number outside {least} to {most}")


def _is_finite(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a value of JSON is an array of finite numbers in this shape."""
    try:
        array = np.array(value)
    except ValueError:  # rows of different lengths
        return False
    return array.shape == shape and array.dtype.kind in "fi" and bool(np.isfinite(array).all())


def _camera(tensors: dict[str, Tensor], number: int) -> Camera:
    """That of one view."""
    width, height = tensors["camera_sizes"][number].tolist()
    return Camera(
        tensors["camera_poses"][number],
        tensors["camera_focals"][number],
        tensors["camera_centres"][number],
        tensors["camera_distortions"][number],
        width,
        height,
        bool(tensors["camera_fisheye"][number]),
    )


def _stacked(
    cameras: list[Camera], part: Callable[[Camera], Tensor], shape: tuple[int, ...]
) -> np.ndarray:
    """One part of all cameras, of which there may be none."""
    rows = [_numpy(part(camera)) for camera in cameras]
    return np.stack(rows) if rows else np.empty((0, *shape))


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _layout(descriptors: int) -> Layout:
    """Of a set with descriptors of so many kinds."""
    return _LAYOUT | {
        _descriptor(number): (_DESCRIPTORS, ("keypoints", ANY)) for number in range(descriptors)
    }


def _descriptor(number: int) -> str:
    """Name of an array of descriptors."""
    return f"descriptors_{number}"
