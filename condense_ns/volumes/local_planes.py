"""Normals of points by principal components: the direction in which a neighbourhood is thinnest.

The neighbourhood of a voxel is the points in it and in the 26 voxels around it. Their covariance comes
from sums per voxel, so that memory grows with the voxels, not with pairs of points.
"""

import math

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.volumes.voxel_keys import VoxelGroups, find_keys_in_a_row, indices_of, key_step

LEAST_NEIGHBOURS = 4
"""Points of a neighbourhood; any three lie in a plane."""
LEAST_FLATNESS = 2.0
"""Variance along the middle direction over that along the normal, below which there is no plane."""
_CHUNK = 1 << 16
_STEPS = (-1, 0, 1)


def estimated_normals(
    places: Float64[Tensor, "points 3"],
    groups: VoxelGroups,
    viewpoints: Float64[Tensor, "viewpoints 3"] | None,
) -> Float[Tensor, "voxels 3"]:
    """Unit normals of voxels, zero where the points around lie in no plane.

    Args:
        places: of the points, counted in voxels.
        groups: the points by voxel.
        viewpoints: what normals face, the nearest one each, counted in voxels. Without any they face
            away from the mean of the voxels.
    """
    indices = indices_of(groups.keys)
    moments = _moments(places, groups)
    centres = indices.double() + 0.5
    middle = centres.mean(dim=0)
    normals = torch.empty(len(indices), 3)
    for start in range(0, len(indices), _CHUNK):
        part = slice(start, start + _CHUNK)
        normal = _thinnest(_around(groups.keys[part], groups.keys, moments))
        if viewpoints is None:
            towards = centres[part] - middle
        else:
            nearest = torch.cdist(centres[part], viewpoints).argmin(dim=1)
            towards = viewpoints[nearest] - centres[part]
        away = (normal * towards).sum(dim=1, keepdim=True) < 0
        normals[part] = torch.where(away, -normal, normal).float()
    return normals


def _moments(
    places: Float64[Tensor, "points 3"], groups: VoxelGroups
) -> Float[Tensor, "voxels 10"]:
    """Per voxel the sums of 1, of x, y, z, and of xx, xy, xz, yy, yz, zz about its centre."""
    x, y, z = ((places % 1.0) - 0.5).float().unbind(dim=1)
    products = [x * x, x * y, x * z, y * y, y * z, z * z]
    sums = groups.sums(torch.stack([x, y, z, *products], dim=1))
    return torch.cat([groups.counts[:, None].float(), sums], dim=1)


def _around(
    some: Int64[Tensor, " some"],
    keys: Int64[Tensor, " voxels"],
    moments: Float[Tensor, "voxels 10"],
) -> Float[Tensor, "some 10"]:
    """The same sums over the voxels around those with some keys, about the centres of these.

    Moving moments to another centre is linear, so a column of three voxels is one product of matrices.
    """
    padded = torch.cat([moments, moments.new_zeros(1, 10)])  # number -1 is an empty voxel
    total = moments.new_zeros(len(some), 10)
    for x in _STEPS:
        for y in _STEPS:
            numbers = find_keys_in_a_row(keys, some + key_step(x, y, -1), len(_STEPS))
            column = padded[torch.stack(numbers, dim=1)].flatten(1)
            shifts = torch.cat([_shifted(torch.eye(10), (x, y, z)) for z in _STEPS])
            total.addmm_(column, shifts)
    return total


def _shifted(
    moments: Float[Tensor, "some 10"], by: tuple[int, int, int]
) -> Float[Tensor, "some 10"]:
    """Moments about places that lie by whole voxels before: sum (p + d)(p + d)^T."""
    first, second = torch.triu_indices(3, 3)
    d = moments.new_tensor(by)
    count, sums, squares = moments[:, :1], moments[:, 1:4], moments[:, 4:]
    crossed = sums[:, first] * d[second] + sums[:, second] * d[first]
    squares = squares + crossed + count * (d[first] * d[second])
    return torch.cat([count, sums + count * d, squares], dim=1)


def _thinnest(moments: Float[Tensor, "some 10"]) -> Float64[Tensor, "some 3"]:
    """The direction of least variance, zero where it is not by far the least."""
    moments = moments.double()
    count = moments[:, :1]
    mean, squares = moments[:, 1:4] / count, moments[:, 4:] / count
    first, second = torch.triu_indices(3, 3)
    upper = squares - mean[:, first] * mean[:, second]
    covariance = upper.new_zeros(len(upper), 3, 3)
    covariance[:, first, second] = upper
    covariance[:, second, first] = upper
    least, middle = _smallest_eigenvalues(covariance)
    normal = _null_direction(covariance - least[:, None, None] * torch.eye(3).double())
    flat = (middle > LEAST_FLATNESS * least.clamp_min(1e-9)) & (count[:, 0] >= LEAST_NEIGHBOURS)
    return torch.where(flat[:, None], normal, 0.0)


def _smallest_eigenvalues(
    matrices: Float64[Tensor, "some 3 3"],
) -> tuple[Float64[Tensor, " some"], Float64[Tensor, " some"]]:
    """The least and the middle one of symmetric matrices, by the trigonometric solution of the cubic.

    O. K. Smith, Eigenvalues of a symmetric 3 x 3 matrix, 1961. Twenty times as fast as a general
    solver on many small matrices.
    """
    mean = matrices.diagonal(dim1=1, dim2=2).mean(dim=1)
    centred = matrices - mean[:, None, None] * torch.eye(3).double()
    spread = (centred.square().sum(dim=(1, 2)) / 6).sqrt().clamp_min(1e-30)
    cosine = (torch.linalg.det(centred / spread[:, None, None]) / 2).clamp(-1, 1)
    angle = cosine.acos() / 3
    largest = mean + 2 * spread * angle.cos()
    least = mean + 2 * spread * (angle + 2 * math.pi / 3).cos()
    return least, 3 * mean - largest - least


def _null_direction(matrices: Float64[Tensor, "some 3 3"]) -> Float64[Tensor, "some 3"]:
    """What symmetric matrices of rank two send to zero: the cross product of two of their rows."""
    crosses = torch.stack(
        [torch.linalg.cross(matrices[:, i], matrices[:, (i + 1) % 3]) for i in range(3)], dim=1
    )
    longest = crosses.square().sum(dim=2).argmax(dim=1)
    return F.normalize(crosses[torch.arange(len(crosses)), longest], dim=1, eps=1e-30)
