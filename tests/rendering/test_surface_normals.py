"""Normals of surfaces whose shape is known."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from condense_ns.rendering.surface_normals import normal_colours, surface_normals

STRAIGHT_DOWN = torch.tensor([[0.0, 0.0, -1.0]])


def floor_density(positions: Tensor) -> Tensor:
    """Densities that fall upwards from the plane z = 0."""
    return torch.exp(-50.0 * positions[..., 2:])


def ball_density(positions: Tensor) -> Tensor:
    """Densities that fall outwards from a ball of radius 1."""
    return torch.exp(-50.0 * (positions.norm(dim=-1, keepdim=True) - 1.0))


def angle(found: Tensor, wanted: Tensor) -> Tensor:
    """Between unit vectors, in degrees."""
    return torch.rad2deg(torch.arccos((found * wanted).sum(dim=-1).clamp(-1.0, 1.0)))


def test_a_floor_seen_from_above_points_up():
    slanted = F.normalize(torch.tensor([[0.6, 0.0, -0.8], [0.0, 0.28, -0.96]]), dim=-1)
    points = torch.tensor([[0.3, -2.0, 0.0], [5.0, 1.0, 0.01]])
    normals = surface_normals(floor_density, points, slanted, torch.full((2, 1), 2.0))
    assert torch.allclose(normals, torch.tensor([[0.0, 0.0, 1.0]]).expand(2, 3), atol=1e-3)


def test_a_floor_seen_from_below_points_down():
    normals = surface_normals(floor_density, torch.zeros(1, 3), -STRAIGHT_DOWN, torch.ones(1, 1))
    assert torch.allclose(normals, STRAIGHT_DOWN, atol=1e-3)


def test_a_slanted_plane():
    upwards = torch.tensor([0.6, 0.0, 0.8])

    def density(positions: Tensor) -> Tensor:
        return torch.exp(-50.0 * (positions @ upwards)[..., None])

    normals = surface_normals(density, torch.zeros(1, 3), STRAIGHT_DOWN, torch.ones(1, 1))
    assert torch.allclose(normals, upwards[None], atol=1e-3)


def test_a_ball_points_away_from_its_middle():
    outwards = F.normalize(torch.randn(200, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    normals = surface_normals(ball_density, outwards, -outwards, torch.ones(200, 1))
    assert angle(normals, outwards).max() < 2.0


def test_the_step_grows_with_the_distance():
    seen = []

    def density(positions: Tensor) -> Tensor:
        seen.append(positions)
        return floor_density(positions)

    distances = torch.tensor([[1.0], [4.0]])
    directions = STRAIGHT_DOWN.expand(2, 3)
    surface_normals(density, torch.zeros(2, 3), directions, distances, relative_step=0.01)
    radii = torch.tensor([[0.01] * 4, [0.04] * 4])
    assert torch.allclose(seen[0].norm(dim=-1), radii)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4])
def test_a_constant_density_faces_the_camera(value: float):
    directions = F.normalize(torch.tensor([[1.0, -2.0, 0.5]]), dim=-1)
    normals = surface_normals(
        lambda positions: torch.full_like(positions[..., :1], value),
        torch.ones(1, 3),
        directions,
        torch.ones(1, 1),
    )
    assert torch.allclose(normals, -directions)


def test_every_normal_is_a_unit_vector_that_faces_the_camera():
    noise = torch.Generator().manual_seed(1)
    directions = F.normalize(torch.randn(500, 3, generator=noise), dim=-1)
    normals = surface_normals(
        lambda positions: torch.exp(8.0 * torch.randn(500, 4, 1, generator=noise)),
        torch.randn(500, 3, generator=noise),
        directions,
        torch.ones(500, 1),
    )
    assert torch.allclose(normals.norm(dim=-1), torch.ones(500), atol=1e-5)
    assert (normals * directions).sum(dim=-1).max() <= 0.0


def test_colours_of_normals():
    half = math.sqrt(0.5)
    colours = normal_colours(torch.tensor([[1.0, 0.0, -1.0], [half, -half, 0.0]]))
    wanted = [[1.0, 0.5, 0.0], [0.5 + half / 2, 0.5 - half / 2, 0.5]]
    assert torch.allclose(colours, torch.tensor(wanted))
    assert normal_colours(torch.tensor([[1.0 + 1e-6, 0.0, -1.0 - 1e-6]])).max() <= 1.0
