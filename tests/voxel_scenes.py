"""Made-up voxels for tests of what reads volumes."""

import torch
from torch.nn import functional as F

from condense_ns.volumes.sparse_volume import Kind, SparseVolume


def surface_voxels(side: int, seed: int = 0) -> torch.Tensor:
    """Indices of the voxels of three walls and eight spheres in a box, sorted; about 6 side^2."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.stack(torch.meshgrid(*[torch.arange(side)] * 3, indexing="ij"), dim=-1)
    occupied = (grid == 0).any(dim=-1)
    for _ in range(8):
        centre = torch.rand(3, generator=generator) * side
        radius = side * (0.08 + 0.12 * torch.rand((), generator=generator))
        distance = torch.linalg.vector_norm(grid + 0.5 - centre, dim=-1)
        occupied |= (distance - radius).abs() < 0.8
    return torch.nonzero(occupied).int()


def made_volume(indices: torch.Tensor, kind: Kind = "radiance", seed: int = 0) -> SparseVolume:
    """Voxels of random density, colour and normal."""
    generator = torch.Generator().manual_seed(seed)
    count = len(indices)
    return SparseVolume(
        voxel_indices=indices.int(),
        voxel_size=0.02,
        origin=torch.zeros(3, dtype=torch.float64),
        density=100 * torch.rand(count, generator=generator),
        colour=torch.rand(count, 3, generator=generator),
        normal=F.normalize(torch.randn(count, 3, generator=generator), dim=1),
        kind=kind,
    )
