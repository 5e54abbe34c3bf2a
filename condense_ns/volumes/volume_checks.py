"""Whether a volume is one: shapes, order and ranges of everything in it."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.volumes.sparse_volume import KINDS, SparseVolume
from condense_ns.volumes.voxel_keys import REACH, within_reach

ARRAYS = {
    "voxel_indices": (torch.int32,),
    "origin": (torch.float64,),
    "density": (torch.float32,),
    "colour": (torch.float32,),
    "normal": (torch.float32,),
}
"""What every volume has, and the types of its numbers."""
FEATURES = "features"
FEATURE_TYPES = (torch.float32, torch.float16)
UNIT_TOLERANCE = 1e-2
"""By which the length of a normal may differ from 1 and from 0."""


def arrays_of(volume: SparseVolume) -> dict[str, Tensor]:
    """Everything in a volume that has a shape, by name."""
    names = [*ARRAYS, *([] if volume.features is None else [FEATURES])]
    return {name: getattr(volume, name) for name in names}


def validated(volume: SparseVolume, name: str = "the volume") -> SparseVolume:
    """The volume itself.

    Args:
        volume: of any origin.
        name: how to call it in messages, e.g. its file.

    Raises:
        UserError: something about it is wrong.
    """
    refuse_shapes(arrays_of(volume), name)
    _refuse_first(_wrong_places(volume), name)
    _refuse_first(_wrong_values(volume), name)
    return volume


def refuse_shapes(arrays: dict[str, Tensor], name: str) -> None:
    """Whether arrays can become a volume.

    Raises:
        UserError: one is missing, or of another shape or type than it must be.
    """
    _refuse_first(_wrong_shapes(arrays), name)


def _refuse_first(wrongs: Iterator[str], name: str) -> None:
    """Later ones are not even looked for: they may rely on the earlier ones.

    Raises:
        UserError: something is wrong.
    """
    wrong = next(wrongs, None)
    if wrong is not None:
        raise UserError(f"{name} {wrong}; make it anew")


def _wrong_shapes(arrays: dict[str, Tensor]) -> Iterator[str]:
    """What is wrong with shapes and types."""
    yield from (f"lacks {name}" for name in ARRAYS if name not in arrays)
    count = len(arrays["voxel_indices"]) if arrays["voxel_indices"].ndim else 0
    if count == 0:
        yield "holds no voxels"
    channels = arrays[FEATURES].shape[-1:] if FEATURES in arrays else ()
    shapes = {"origin": (3,), "density": (count,), FEATURES: (count, *channels)}
    for name, tensor in arrays.items():
        shape, types = shapes.get(name, (count, 3)), ARRAYS.get(name, FEATURE_TYPES)
        if tuple(tensor.shape) != shape:
            yield f"has {name} of shape {tuple(tensor.shape)} instead of {shape}"
        if tensor.dtype not in types:
            yield f"has {name} of type {tensor.dtype} instead of {types[0]}"


def _wrong_places(volume: SparseVolume) -> Iterator[str]:
    """What is wrong with where the voxels are."""
    if not (math.isfinite(volume.voxel_size) and volume.voxel_size > 0):
        yield f"has voxels of size {volume.voxel_size}"
    if not within_reach(volume.voxel_indices).all():
        yield f"has voxel indices beyond {REACH}"
    steps = volume.keys.diff()
    if (steps == 0).any():
        yield "holds a voxel twice"
    if (steps < 0).any():
        yield "has voxels that are not sorted"


def _wrong_values(volume: SparseVolume) -> Iterator[str]:
    """What is wrong with what is known of the voxels."""
    for name, tensor in arrays_of(volume).items():
        # The sum of anything else is not finite: no mask of their size is needed.
        if not torch.isfinite(tensor.sum(dtype=torch.float64)):
            yield f"has numbers that are not finite in {name}"
    if (volume.density < 0).any():
        yield "has a negative density"
    if ((volume.colour < 0) | (volume.colour > 1)).any():
        yield "has a colour outside [0, 1]"
    length = torch.linalg.vector_norm(volume.normal, dim=1)
    if (torch.minimum(length, (length - 1).abs()) > UNIT_TOLERANCE).any():
        yield "has a normal that is neither of unit length nor zero"
    if volume.features is not None and not volume.encoder:
        yield "has features without the name of their encoder"
    if volume.kind not in KINDS:
        yield f"is of the unknown kind {volume.kind!r}"
