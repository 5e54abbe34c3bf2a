"""Small volumes, made up at random or by hand."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.voxel_keys import indices_of, voxel_keys


def volume_of(
    indices: list[list[int]],
    voxel_size: float = 1.0,
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0),
    density: list[float] | None = None,
    **other,
) -> SparseVolume:
    """Voxels in their order, of density 1 and grey unless said otherwise."""
    count = len(indices)
    return SparseVolume(
        voxel_indices=torch.tensor(indices, dtype=torch.int32).reshape(count, 3),
        voxel_size=voxel_size,
        origin=torch.tensor(origin, dtype=torch.float64),
        density=torch.ones(count) if density is None else torch.tensor(density),
        **{
            "colour": torch.full((count, 3), 0.5),
            "normal": torch.zeros(count, 3),
            "kind": "points",
            **other,
        },
    )


def random_volume(
    seed: int = 0, count: int = 60, across: int = 6, channels: int = 4
) -> SparseVolume:
    """Some voxels of a cube, everything about them at random."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(-across // 2, across // 2, (count, 3), generator=generator)
    indices = indices_of(torch.unique(voxel_keys(drawn))).int()
    count = len(indices)
    return SparseVolume(
        voxel_indices=indices,
        voxel_size=0.5,
        origin=torch.tensor([1.0, -2.0, 0.25], dtype=torch.float64),
        density=4 * torch.rand(count, generator=generator),
        colour=torch.rand(count, 3, generator=generator),
        normal=F.normalize(torch.randn(count, 3, generator=generator), dim=1),
        kind="radiance",
        features=torch.randn(count, channels, generator=generator),
        encoder="mini",
        provenance={"scene": "made up"},
    )


def features_of(volume: SparseVolume) -> Tensor:
    """Of a volume that has some."""
    assert volume.features is not None
    return volume.features


def number_at(volume: SparseVolume, index: tuple[int, int, int]) -> int:
    """Looked for in a list; -1 if it is not there."""
    listed = volume.voxel_indices.tolist()
    return listed.index(list(index)) if list(index) in listed else -1


def positions_around(volume: SparseVolume, count: int, seed: int = 1) -> Float[Tensor, "count 3"]:
    """Places in and a little beyond the volume."""
    generator = torch.Generator().manual_seed(seed)
    low, high = volume.centres.aminmax(dim=0)
    margin = 2 * volume.voxel_size
    return low - margin + (high - low + 2 * margin) * torch.rand(count, 3, generator=generator)
