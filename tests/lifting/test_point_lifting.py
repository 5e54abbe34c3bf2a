"""Features of views on points of the slanted plane and of things behind it."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_map
from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from condense_ns.lifting.point_lifting import (
    DEPTH_TOLERANCE,
    SeeingView,
    lift_to_points,
    visible_points,
)
from tests.lifting.looking_views import PLACES, TARGET, plane_depths, views_at

VIEWS = views_at(PLACES, turn=0.2)


def linear(xyz):
    """Features that grow evenly along the plane, so that bilinear lookup is nearly exact."""
    x, y = xyz[:, :1], xyz[:, 1:2]
    return torch.cat([x, y, x + y, 2 - x], dim=1)


def seeing(number, grid=(24, 32)):
    """A view of the plane with its depth and the features of what it sees."""
    view = VIEWS[[number]]
    small = view.resized(*grid)
    centre, directions = pixel_rays(grid_places(*grid), view)
    xyz = centre + plane_depths(small).reshape(-1, 1) * directions
    return SeeingView(view, plane_depths(view), linear(xyz).reshape(*grid, 4))


def plane_points(count=60):
    """Points of the plane that all views see."""
    generator = torch.Generator().manual_seed(0)
    places = 0.3 + 0.4 * torch.rand(count, 2, generator=generator)
    centre, directions = pixel_rays(places, TARGET)
    along = (3 + centre[0] / 4 - centre[2]) / (directions[:, 2] - directions[:, 0] / 4)
    return centre + along[:, None] * directions


def test_features_of_points_are_those_of_the_surface():
    points = plane_points()
    found = lift_to_points(points, len(VIEWS), seeing)
    assert (found.seen_by == len(VIEWS)).all()
    torch.testing.assert_close(found.features, linear(points), atol=0.03, rtol=0.0)


@pytest.mark.parametrize(("shift", "seen"), [(0.3, 0), (-0.3, 0), (0.01, 5)])
def test_points_off_the_surface_are_hidden_or_float(shift, seen):
    points = plane_points() + torch.tensor([0.0, 0.0, shift])
    found = lift_to_points(points, len(VIEWS), seeing)
    assert (found.seen_by == seen).all()
    assert found.features.isfinite().all()
    if not seen:
        assert (found.features == 0).all()


def test_points_outside_of_views_or_behind_them_are_not_seen():
    points = torch.tensor([[0.0, 0, -5.0], [90.0, 0, 3.0], [0.0, 0.0, 3.0]])
    seen = visible_points(points, VIEWS[[0]], plane_depths(VIEWS[[0]]))
    assert seen.tolist() == [False, False, True]


def test_how_far_a_point_may_lie_off_the_surface_by_hand():
    view = views_at([(0.0, 0.0, 0.0)])
    depth = torch.full((48, 64), 2.0)
    depths = 2.0 * torch.tensor([1 + 1.01 * DEPTH_TOLERANCE, 1 + 0.99 * DEPTH_TOLERANCE, 1.0])
    points = torch.stack([torch.zeros(3), torch.zeros(3), depths], dim=1)
    assert visible_points(points, view, depth).tolist() == [False, True, True]
    depth[24, 32] = 0.0  # where these points are seen, nothing is known
    assert not visible_points(points, view, depth).any()


def test_a_view_that_says_otherwise_is_hardly_heard():
    points = plane_points()

    def one_lies(number):
        view = seeing(number)
        if number != 1:
            return view
        return SeeingView(view.camera, view.depth, opposite - view.feature_map)

    opposite = 2 * torch.stack([seeing(at).feature_map for at in range(5)]).mean(dim=(0, 1, 2))
    found = lift_to_points(points, len(VIEWS), one_lies)
    plain = (4 * linear(points) + opposite - linear(points)) / 5
    apart, plain_apart = ((one - linear(points)).norm(dim=1) for one in (found.features, plain))
    assert apart.mean() < 0.1 * plain_apart.mean()


def slow_lift(points, loaded):
    mean = torch.cat([view.feature_map.flatten(0, 1) for view in loaded]).mean(dim=0)
    found, counts = torch.zeros(len(points), 4), []
    for at, point in enumerate(points):
        features = []
        for view in loaded:
            if visible_points(point[None], view.camera, view.depth)[0]:
                place = project_pinhole(point[None], view.camera).places[0]
                features.append(sample_map(view.feature_map, place, (1, 1))[0])
        counts.append(len(features))
        if features:
            average = torch.stack(features).mean(dim=0)
            weights = [
                max(0.0, F.cosine_similarity(one - mean, average - mean, dim=0).item())
                for one in features
            ]
            weighted = [weight * one for weight, one in zip(weights, features, strict=True)]
            found[at] = sum(weighted, torch.zeros(4)) / sum(weights)
    return found, counts


def test_agrees_with_a_loop_over_points():
    generator = torch.Generator().manual_seed(1)
    points = torch.cat([plane_points(25), plane_points(25) * torch.tensor([3.0, 3.0, 1.0])])
    points[25:, 2] = 3 + points[25:, 0] / 4  # along the plane, out of some views
    loaded = []
    for number in range(len(VIEWS)):
        view = seeing(number)
        noise = torch.randn(view.feature_map.shape, generator=generator)
        loaded.append(SeeingView(view.camera, view.depth, view.feature_map + noise))
    found = lift_to_points(points, len(loaded), loaded.__getitem__)
    features, counts = slow_lift(points, loaded)
    assert found.seen_by.tolist() == counts
    assert set(counts) >= {0, 5}
    torch.testing.assert_close(found.features, features, atol=1e-4, rtol=1e-4)


def test_views_come_one_by_one_twice_each():
    asked = []

    def load(number):
        asked.append(number)
        return seeing(number)

    lift_to_points(plane_points(5), len(VIEWS), load)
    assert asked == [*range(5), *range(5)]


def test_views_that_disagree_entirely_give_their_plain_mean():
    """Two opposite features have the scene's mean as mean: no direction to agree with."""
    camera = views_at([(0.0, 0.0, 0.0)])
    depth = torch.full((48, 64), 2.0)

    def load(number):
        sign = 1.0 if number == 0 else -1.0
        return SeeingView(camera, depth, torch.full((3, 4, 2), sign))

    found = lift_to_points(torch.tensor([[0.0, 0.0, 2.0]]), 2, load)
    assert found.seen_by.tolist() == [2]
    assert found.features.tolist() == [[0.0, 0.0]]


def test_one_view_is_enough_and_no_points_are_no_mistake():
    points = plane_points()
    found = lift_to_points(points, 1, seeing)
    torch.testing.assert_close(found.features, linear(points), atol=0.03, rtol=0.0)
    assert lift_to_points(points[:0], 1, seeing).features.shape == (0, 4)
