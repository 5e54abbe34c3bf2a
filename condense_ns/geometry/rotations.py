"""Rotations that are not quite rotations, and their mean."""

import torch
from jaxtyping import Float64
from torch import Tensor


def nearest_rotation(matrices: Float64[Tensor, "*batch 3 3"]) -> Float64[Tensor, "*batch 3 3"]:
    """The rotation nearest to each matrix (Frobenius), also that of a weighted sum of rotations."""
    left, _, right = torch.linalg.svd(matrices)
    sign = torch.linalg.det(left @ right)
    left = torch.cat([left[..., :2], left[..., 2:] * sign[..., None, None]], dim=-1)
    return left @ right


def angles_between(
    one: Float64[Tensor, "3 3"], others: Float64[Tensor, "views 3 3"]
) -> Float64[Tensor, " views"]:
    """Angle of the rotation from one to each of the others, in radians."""
    traces = torch.einsum("ij,vij->v", one, others)
    return torch.acos(((traces - 1.0) / 2.0).clamp(-1.0, 1.0))
