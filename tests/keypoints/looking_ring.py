"""Cameras on a ring that look at its middle."""

import math

import torch
from torch.nn import functional as F

from condense_ns.keypoints.triangulation import Viewpoints

FOCAL = 500.0


def ring(count: int = 8, focal: float = FOCAL) -> Viewpoints:
    """Views at a distance of four around the origin, looking at it."""
    angles = torch.arange(count, dtype=torch.float64) * 2 * math.pi / count
    heights = 0.8 + 0.5 * (3 * angles).sin()
    centres = torch.stack([4 * angles.cos(), 4 * angles.sin(), heights], dim=1)
    forward = F.normalize(-centres, dim=1)
    up = torch.tensor([[0.0, 0.0, 1.0]]).double().expand_as(forward)
    right = F.normalize(torch.linalg.cross(forward, up), dim=1)
    rotations = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=1)
    shifts = -torch.einsum("vij,vj->vi", rotations, centres)
    return Viewpoints(rotations, shifts, torch.full((count,), focal, dtype=torch.float64))
