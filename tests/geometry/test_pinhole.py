"""Ideal cameras: rays and projections undo each other and agree with the host's projection."""

import pytest
import torch

from condense_ns.geometry.conventions import camera_to_world_gl
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays, project_pinhole
from condense_ns.geometry.projection import Camera, project
from tests.geometry.looking import around, looking_at


@pytest.fixture
def views() -> PinholeViews:
    """Three views with principal points and focal lengths of their own."""
    views = looking_at(torch.tensor([[4.0, 0, 0], [0, 3, 1], [-2, -2, 2]]), (0.2, 0.1, 0.0))
    views.intrinsics[1, 0, 2] += 5
    views.intrinsics[2, 1, 1] *= 1.3
    return views


def some_places(count=30):
    return torch.rand(count, 2, generator=torch.Generator().manual_seed(0))


def test_one_point_by_hand():
    matrix = torch.tensor([[[10.0, 0, 4], [0, 20, 3], [0, 0, 1]]])
    view = PinholeViews(matrix, torch.eye(4)[None], 6, 8)
    seen = project_pinhole(torch.tensor([[0.4, -0.2, 2.0]]), view)
    assert seen.places[0, 0].tolist() == pytest.approx([(4 + 2) / 8, (3 - 2) / 6])
    assert seen.depths.tolist() == [[2.0]]
    assert seen.inside.tolist() == [[True]]
    centre, directions = pixel_rays(torch.tensor([[0.75, 1 / 6]]), view)
    assert centre.tolist() == [0, 0, 0]
    assert directions[0].tolist() == pytest.approx([0.2, -0.1, 1.0])


def test_a_point_on_a_ray_is_seen_where_the_ray_began_at_its_depth(views):
    for number in range(3):
        view, places = views[[number]], some_places()
        centre, directions = pixel_rays(places, view)
        depths = 0.5 + 5 * torch.rand(30, generator=torch.Generator().manual_seed(1))
        seen = project_pinhole(centre + depths[:, None] * directions, view)
        torch.testing.assert_close(seen.places[0], places, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(seen.depths[0], depths, atol=1e-5, rtol=1e-5)


def test_agrees_with_the_projection_of_cameras_in_the_host_s_convention(views):
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(2)) - 0.5
    pose = views.world_to_camera_cv.double()
    opengl = camera_to_world_gl(pose[:, :3, :3], pose[:, :3, 3]).float()
    seen = project_pinhole(points, views)
    for at, matrix in enumerate(views.intrinsics):
        focal, centre = torch.stack([matrix[0, 0], matrix[1, 1]]), matrix[:2, 2]
        camera = Camera(opengl[at], focal, centre, torch.zeros(6), views.width, views.height)
        pixels, depths = project(points, camera)
        size = torch.tensor([views.width, views.height])
        torch.testing.assert_close(seen.places[at] * size, pixels, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(seen.depths[at], depths, atol=1e-5, rtol=1e-5)
        assert torch.equal(seen.inside[at], camera.contains(pixels) & (depths > 0))


def test_what_lies_behind_or_beside_is_not_inside_and_stays_finite():
    view = around([0.0])  # at x = 4, looking at the origin
    points = torch.tensor([[5.0, 0, 0], [4.0, 0, 0], [4.0, 1, 0], [0.0, 9, 0], [0.0, 0, 0]])
    points.requires_grad_()
    seen = project_pinhole(points, view)
    assert seen.inside.tolist() == [[False, False, False, False, True]]
    assert seen.places.isfinite().all()
    assert seen.depths[0, 0].item() == pytest.approx(-1.0)
    seen.places.sum().backward()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_another_number_of_pixels_changes_no_place(views):
    points = torch.rand(50, 3, generator=torch.Generator().manual_seed(3)) - 0.5
    small = views.resized(17, 31)
    assert (small.height, small.width) == (17, 31)
    first, second = project_pinhole(points, views), project_pinhole(points, small)
    torch.testing.assert_close(first.places, second.places, atol=1e-5, rtol=1e-5)
    places = some_places()
    for ours, theirs in zip(
        pixel_rays(places, views[[1]]), pixel_rays(places, small[[1]]), strict=True
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_some_of_the_views(views):
    assert len(views) == 3
    torch.testing.assert_close(
        views.centres, torch.tensor([[4.0, 0, 0], [0, 3, 1], [-2, -2, 2]]), atol=1e-5, rtol=0
    )
    for chosen in ([2, 0], slice(1, 3), torch.tensor([1])):
        picked = views[chosen]
        assert torch.equal(picked.intrinsics, views.intrinsics[chosen])
        assert torch.equal(picked.centres, views.centres[chosen])
    assert len(views[[]]) == 0


def test_centres_of_a_grid_go_row_by_row():
    assert grid_places(2, 2).tolist() == [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
    assert grid_places(1, 4)[:, 0].tolist() == [0.125, 0.375, 0.625, 0.875]
    assert grid_places(3, 5).shape == (15, 2)
