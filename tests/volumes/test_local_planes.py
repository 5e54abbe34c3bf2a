"""Normals from sums per voxel are those of the points around, one by one."""

import torch
from torch.nn import functional as F

from condense_ns.volumes.local_planes import estimated_normals
from condense_ns.volumes.voxel_keys import VoxelGroups, indices_of, voxel_keys


def slowly(places, index):
    """By an eigendecomposition of the covariance of all points in the 27 voxels."""
    around = ((places.floor() - index).abs() <= 1).all(dim=1)
    centred = places[around] - places[around].mean(dim=0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / around.sum())
    return vectors[:, 0], values, int(around.sum())


def rough_sheet(count=1500):
    """A bent sheet with noise, in voxels."""
    generator = torch.Generator().manual_seed(0)
    across = 8 * torch.rand(count, 2, generator=generator, dtype=torch.float64)
    height = 3 + (across[:, :1] / 3).sin() + 0.5 * across[:, 1:]
    noise = 0.15 * torch.randn(count, 1, generator=generator, dtype=torch.float64)
    return torch.cat([across, height + noise], dim=1)


def test_it_agrees_with_eigenvectors_of_the_points_around():
    places = rough_sheet()
    groups = VoxelGroups.of_keys(voxel_keys(places.floor().long()))
    found = estimated_normals(places, groups, None)
    assert len(found) > 80
    for normal, index in zip(found.double(), indices_of(groups.keys), strict=True):
        expected, values, count = slowly(places, index)
        if values[1] > 3 * values[0] and count >= 4:
            assert (normal @ expected).abs() > 1 - 1e-4
        if values[1] < 1.5 * values[0]:
            assert (normal == 0).all()


def test_exact_planes_of_any_direction():
    generator = torch.Generator().manual_seed(2)
    for normal in F.normalize(torch.randn(20, 3, generator=generator).double(), dim=1):
        random = 6 * torch.rand(800, 3, generator=generator, dtype=torch.float64) - 3
        places = random - (random @ normal)[:, None] * normal
        groups = VoxelGroups.of_keys(voxel_keys(places.floor().long()))
        viewpoint = 50 * normal[None]
        found = estimated_normals(places, groups, viewpoint)
        known = (found != 0).any(dim=1)
        assert known.double().mean() > 0.9
        torch.testing.assert_close(
            found[known].double() @ normal, torch.ones(int(known.sum())).double(), atol=1e-4, rtol=0
        )


def test_lines_and_few_points_have_no_normal():
    line = torch.linspace(0, 5, 60).double()[:, None].expand(60, 3)
    two = torch.tensor([[20.0, 20, 20], [20.5, 20, 20]]).double()
    places = torch.cat([line, two])
    groups = VoxelGroups.of_keys(voxel_keys(places.floor().long()))
    assert (estimated_normals(places, groups, None)[-1] == 0).all()
