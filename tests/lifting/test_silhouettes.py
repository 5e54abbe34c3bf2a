"""Pixels that share a cell with an edge between two surfaces: each finds its own."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.depth_candidates import depth_candidates
from condense_ns.lifting.depth_proposal import DepthPlanes, DepthProposal
from condense_ns.lifting.depth_refinement import COUNT, STEP, RefinedDepth
from condense_ns.lifting.lifting_network import LiftingNetwork, Look
from condense_ns.lifting.source_features import SourceFeatures
from tests.lifting.looking_views import HEIGHT, RANGE, WIDTH, texture, views_at

NEAR, FAR = 2.0, 5.0
EDGE = 1 / 30
"""Where the near plane ends: in the target between columns 32 and 33, in the middle of a cell."""
PLANES = DepthPlanes(*RANGE, 24)
TARGET = views_at([(0.0, 0.0, 0.0)])
PLACES = [(0.2, 0.1, 0.0), (0.3, -0.2, 0.0), (0.45, 0.05, 0.0)]
"""To the right, so that what lies beyond the edge is seen."""
INNER = slice(8, HEIGHT - 8)


def two_planes(view: PinholeViews) -> Float[Tensor, "3 height width"]:
    """The near plane up to its edge, else the far one."""
    centre, directions = pixel_rays(grid_places(HEIGHT, WIDTH), view)
    near, far = centre + NEAR * directions, centre + FAR * directions
    beyond = NEAR / FAR * far + 10  # another part of the texture, as coarse in pixels
    xyz = torch.where(near[:, :1] < EDGE, near, beyond)
    return texture(xyz).T.reshape(3, HEIGHT, WIDTH)


def cell_depths(wider: int) -> Float[Tensor, "rows columns"]:
    """The near plane in the cell that the edge runs through, and in so many cells beyond."""
    columns = torch.arange(WIDTH // 2)
    return torch.where(columns <= 16 + wider, NEAR, FAR).expand(HEIGHT // 2, -1)


def look(wider: int) -> Look:
    """Cells know one depth each."""
    cameras = views_at(PLACES)
    images = torch.stack([two_planes(cameras[[at]]) for at in range(len(PLACES))])
    given = SourceViews(cameras, images)
    chances = torch.full((COUNT, HEIGHT // 2, WIDTH // 2), 1e-6)
    chances[COUNT // 2] = 1.0
    first = PLANES.index(cell_depths(wider)) - STEP * (COUNT // 2)
    refined = RefinedDepth(PLANES, first, chances.log(), (1.0, 1.0))
    nowhere = DepthProposal(PLANES, torch.zeros(24, HEIGHT // 4, WIDTH // 4), (1.0, 1.0))
    maps = SourceFeatures()(given.images)
    nearest = torch.full((len(PLACES), HEIGHT // 4, WIDTH // 4), torch.inf)
    candidates = depth_candidates(TARGET, cameras, maps, refined)
    gains = torch.ones(len(PLACES), 3)
    return Look(TARGET, cameras, maps, nowhere, refined, candidates, nearest, False, gains)


@torch.no_grad()
def found_depths(wider: int = 0) -> Float[Tensor, "height width"]:
    samples = LiftingNetwork(24).sample(look(wider), grid_places(HEIGHT, WIDTH))
    return samples.surface_depth.reshape(HEIGHT, WIDTH)


def test_both_pixels_of_a_cell_have_the_surface_where_sources_agree():
    torch.manual_seed(0)
    depths = found_depths()
    assert (depths[INNER, 32] - NEAR).abs().mean() < 0.1
    assert (depths[INNER, 33] - FAR).abs().mean() < 0.2  # its cell says near


def test_away_from_the_edge_cells_are_right():
    torch.manual_seed(0)
    depths = found_depths()
    before, behind = depths[INNER, 16:31], depths[INNER, 36:]
    torch.testing.assert_close(before, torch.full_like(before, NEAR), atol=0.1, rtol=0)
    torch.testing.assert_close(behind, torch.full_like(behind, FAR), atol=0.3, rtol=0)


def test_near_things_that_came_out_too_wide_are_as_wide_as_they_are():
    torch.manual_seed(0)
    depths = found_depths(wider=2)
    assert (depths[INNER, 20:32] - NEAR).abs().mean() < 0.1
    assert (depths[INNER, 34:40] - FAR).abs().mean() < 0.3  # of which cells say near up to 38
