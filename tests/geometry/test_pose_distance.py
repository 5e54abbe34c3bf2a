"""Distances between cameras, for want of anything known about what they see."""

import pytest
import torch

from condense_ns.geometry.pose_distance import camera_spacing, pose_distances, spread_views
from tests.geometry.looking import around, looking_at, moved


def row(places: list[float]):
    """Views along x that look along y."""
    eyes = torch.tensor([[x, 0.0, 0.0] for x in places])
    return looking_at(eyes, point=(0.0, 1e6, 0.0))


def test_spacing_is_the_median_distance_to_the_nearest_camera():
    assert camera_spacing(row([0.0, 1.0, 2.0, 10.0])) == pytest.approx(1.0)


def test_cameras_at_one_place_have_a_spacing_too():
    assert camera_spacing(row([3.0, 3.0])) == 1.0
    assert camera_spacing(row([3.0])) == 1.0
    assert camera_spacing(row([0.0, 0.0, 2.0])) == pytest.approx(2.0)


def test_one_spacing_counts_as_much_as_twenty_degrees():
    views = row([0.0, 1.0, 2.0])
    assert pose_distances(views[[0]], views, spacing=1.0).tolist() == pytest.approx(
        [0.0, 1.0, 2.0], abs=1e-2
    )
    turned = around([0.0, 20.0], radius=1e-4)  # at one place, but for the direction
    assert pose_distances(turned[[0]], turned, spacing=1.0).tolist() == pytest.approx(
        [0.0, 1.0], abs=1e-2
    )


def test_scaling_the_world_changes_nothing():
    views = around([0.0, 10.0, 35.0, 80.0])
    scaled = moved(views, torch.eye(3), torch.zeros(3), scale=50.0)
    before = pose_distances(views[[0]], views, camera_spacing(views))
    after = pose_distances(scaled[[0]], scaled, camera_spacing(scaled))
    assert torch.allclose(before, after, atol=1e-3)


def test_spread_views_are_far_from_each_other():
    views = around([0.0, 1.0, 2.0, 90.0, 180.0, 181.0, 270.0])
    assert spread_views(views, 4, camera_spacing(views)) in ([0, 3, 4, 6], [0, 3, 5, 6])
    assert spread_views(views, 20, 1.0) == list(range(7))


def test_spread_views_of_equal_cameras_are_different_views():
    views = around([0.0] * 5)
    chosen = spread_views(views, 3, camera_spacing(views))
    assert len(set(chosen)) == 3
