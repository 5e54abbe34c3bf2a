"""From which side sources look at points, and what hides points from them."""

import math

import torch

from condense_ns.geometry.epipolar import (
    behind,
    nearest_surface,
    ray_cosines,
    ray_differences,
)
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays, project_pinhole
from tests.geometry.looking import around, looking_at, moved


def forward_views(centres):
    """Views of 4 x 4 pixels that look along z."""
    poses = torch.eye(4).repeat(len(centres), 1, 1)
    poses[:, :3, 3] = -torch.tensor(centres)
    matrix = torch.tensor([[4.0, 0, 2], [0, 4, 2], [0, 0, 1]])
    return PinholeViews(matrix.repeat(len(centres), 1, 1), poses, 4, 4)


def some_points(count=40):
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(0)) - 0.5


def test_a_source_at_a_right_angle_by_hand():
    target, sources = forward_views([[0.0, 0, 0]]), forward_views([[2.0, 0, 2], [0, 0, -5]])
    found = ray_differences(torch.tensor([[0.0, 0, 2]]), target, sources)
    half = math.sqrt(0.5)
    torch.testing.assert_close(found[0, 0], torch.tensor([-half, 0, -half, 0]))
    assert found[1, 0].tolist() == [0, 0, 0, 1]  # along the target's own line


def test_differences_agree_with_a_loop():
    target, sources, points = around([0.0]), around([20.0, 170.0]), some_points()
    found = ray_differences(points, target, sources)
    rotation = target.world_to_camera_cv[0, :3, :3]
    for view in range(2):
        for at, point in enumerate(points):
            rays = [target.centres[0] - point, sources.centres[view] - point]
            first, second = (ray / ray.norm() for ray in rays)
            apart = rotation @ (first - second) / (first - second).norm()
            torch.testing.assert_close(found[view, at, :3], apart)
            torch.testing.assert_close(found[view, at, 3], first @ second)
    assert torch.equal(ray_cosines(points, target, sources), found[..., 3])


def test_turning_scaling_and_shifting_the_world_changes_nothing():
    target, sources, points = around([0.0]), around([20.0, 170.0, 80.0]), some_points()
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))[0]
    turn, shift = turn * torch.linalg.det(turn), torch.tensor([3.0, -1.0, 0.5])
    changed = [moved(views, turn, shift, 7.0) for views in (target, sources)]
    found = ray_differences(7 * points @ turn.T + shift, *changed)
    torch.testing.assert_close(
        found, ray_differences(points, target, sources), atol=1e-4, rtol=1e-4
    )


def test_a_point_at_a_camera_and_points_of_the_same_line_have_finite_gradients():
    views = forward_views([[0.0, 0, 0]])
    points = torch.tensor([[0.0, 0, 0], [0.0, 0, 3]], requires_grad=True)
    found = ray_differences(points, views, views)
    found.sum().backward()
    assert found.isfinite().all()
    assert points.grad is not None
    assert points.grad.isfinite().all()


def test_a_point_covers_the_four_cells_around_it():
    view = forward_views([[0.0, 0, 0]])
    surface = torch.tensor([[0.0, 0, 2], [-0.75, -0.75, 3], [5.0, 0, 1], [0, 0, -1]])
    found = nearest_surface(surface, view, 4, 4)[0]
    far = math.inf  # the second point lies at the centre of the cell in row and column 1 of 4
    expected = [[far] * 4, [far, 2.0, 2, far], [far, 2.0, 2, far], [far] * 4]
    at_corner = project_pinhole(surface[1:2], view).places[0, 0]
    assert at_corner.tolist() == [0.25, 0.25]
    for row, column in ((0, 0), (0, 1), (1, 0)):
        expected[row][column] = 3.0
    assert found.tolist() == expected


def slow_nearest(surface, views, rows, columns):
    found = torch.full((len(views), rows, columns), math.inf)
    seen = project_pinhole(surface, views)
    for view in range(len(views)):
        for at in range(len(surface)):
            if not seen.inside[view, at]:
                continue
            x, y = (float(place) for place in seen.places[view, at])
            left, upper = math.floor(x * columns - 0.5), math.floor(y * rows - 0.5)
            for column in {max(left, 0), min(left + 1, columns - 1)}:
                for row in {max(upper, 0), min(upper + 1, rows - 1)}:
                    depth = float(seen.depths[view, at])
                    found[view, row, column] = min(float(found[view, row, column]), depth)
    return found


def test_the_nearest_surface_agrees_with_a_loop():
    views = looking_at(torch.tensor([[4.0, 0, 0], [0, 4, 1], [0.3, 0.2, 0.1]]), (0.1, 0.0, 0.0))
    surface = 4 * some_points(300)
    found = nearest_surface(surface, views, 5, 7)
    assert torch.equal(found, slow_nearest(surface, views, 5, 7))
    assert found.isfinite().any()
    assert found.isinf().any()


def test_a_surface_sampled_like_the_grid_is_closed():
    target, source = forward_views([[0.0, 0, 0]]), forward_views([[0.1, 0.05, 0.0]])
    centre, directions = pixel_rays(grid_places(12, 12), target)
    found = nearest_surface(centre + 3 * directions, source, 12, 12)[0]
    assert found[1:-1, 1:-1].isfinite().all()
    assert (found[found.isfinite()] == 3.0).all()


def test_how_far_behind_by_hand():
    nearest = torch.tensor([[[2.0, math.inf]]])
    places = torch.tensor([[[0.2, 0.5], [0.2, 0.5], [0.2, 0.5], [0.7, 0.5], [-3.0, 9.0]]])
    depths = torch.tensor([[4.0, 2.0, 1.0, 100.0, 8.0]])
    assert behind(nearest, places, depths).tolist() == [[0.5, 0.0, -1.0, -math.inf, 0.75]]


def test_points_behind_a_camera_are_hidden_by_nothing():
    nearest = torch.ones(1, 2, 2)
    places = torch.full((1, 3, 2), 1e9)
    assert (behind(nearest, places, torch.tensor([[-1.0, 0.0, -9.0]])) < 0).all()


def test_a_second_plane_is_hidden_from_the_views_that_see_the_first():
    view = forward_views([[0.0, 0, 0]])
    centre, directions = pixel_rays(grid_places(8, 8), view)
    nearest = nearest_surface(centre + 2 * directions, view, 8, 8)
    for depth, expected in ((2.0, 0.0), (3.0, 1 / 3), (1.5, -1 / 3)):
        seen = project_pinhole(centre + depth * directions, view)
        found = behind(nearest, seen.places, seen.depths)
        torch.testing.assert_close(found, torch.full_like(found, expected))
