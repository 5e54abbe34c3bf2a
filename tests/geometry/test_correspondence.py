"""Pixels of one view in another, on a plane that is known."""

import torch

from condense_ns.geometry.correspondence import DepthView, shared_places
from condense_ns.geometry.pinhole import pixel_rays, project_pinhole
from tests.lifting.looking_views import HEIGHT, WIDTH, plane_depths, views_at

A = views_at([(0.0, 0.0, 0.0)])
B = views_at([(0.3, 0.05, -0.1)], turn=0.1)


def seen(camera):
    return DepthView(camera, plane_depths(camera))


def test_places_are_those_of_one_point_in_both_views():
    found = shared_places(seen(A), seen(B), 12, 16)
    assert len(found.cells) > 100
    depth = seen(A).depth_at(found.places_a)
    centre, directions = pixel_rays(found.places_a, A)
    landed = project_pinhole(centre + depth[:, None] * directions, B)
    torch.testing.assert_close(landed.places[0], found.places_b)
    assert ((found.places_b >= 0) & (found.places_b <= 1)).all()
    x, y = found.cells % 16, found.cells // 16
    torch.testing.assert_close(found.places_a, torch.stack([(x + 0.5) / 16, (y + 0.5) / 12], dim=1))


def test_a_view_shares_everything_with_itself():
    found = shared_places(seen(A), seen(A), 12, 16)
    assert len(found.cells) == 12 * 16
    torch.testing.assert_close(found.places_a, found.places_b, atol=1e-5, rtol=0)


def test_what_something_hides_in_the_other_view_is_not_shared():
    depth = plane_depths(B)
    depth[:, : WIDTH // 2] = 1.0  # something near in the left half
    found = shared_places(seen(A), DepthView(B, depth), 12, 16)
    assert (found.places_b[:, 0] >= 0.5).all()
    assert len(found.cells) > 20


def test_unknown_depth_is_not_shared():
    nothing = DepthView(A, torch.zeros(HEIGHT, WIDTH))
    assert len(shared_places(nothing, seen(B), 12, 16).cells) == 0
    assert len(shared_places(seen(A), DepthView(B, torch.zeros(HEIGHT, WIDTH)), 12, 16).cells) == 0
