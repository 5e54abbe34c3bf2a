"""A voxel is seen if nothing stands before it."""

from collections.abc import Iterator

import torch

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.rendering.voxel_visibility import Rays, largest_weights
from tests.geometry.looking import around, looking_at
from tests.volumes.made_up_volumes import random_volume, volume_of

CUBE = torch.cartesian_prod(*[torch.arange(-2, 3)] * 3).tolist()
OPAQUE = [100.0] * len(CUBE)


def rays_of(views: PinholeViews, rows: int = 60, columns: int = 80) -> Iterator[Rays]:
    """A grid of them over each view."""
    for view in range(len(views)):
        centre, directions = pixel_rays(grid_places(rows, columns), views[[view]])
        yield centre.expand_as(directions), directions


def test_of_a_solid_cube_only_the_outside_is_seen():
    volume = volume_of(CUBE, 0.3, (-0.15, -0.15, -0.15), density=OPAQUE)
    sides = around([0, 90, 180, 270])
    ends = looking_at(torch.tensor([[0.01, 0.0, 4.0], [0.01, 0.0, -4.0]]))
    largest = torch.maximum(*(largest_weights(volume, rays_of(views)) for views in (sides, ends)))
    outside = volume.voxel_indices.abs().amax(dim=1) == 2
    assert ((largest > 0.01) == outside).all()


def test_one_camera_sees_one_side():
    volume = volume_of(CUBE, 0.3, (-0.15, -0.15, -0.15), density=OPAQUE)
    seen = largest_weights(volume, rays_of(around([0]))) > 0.01
    assert volume.voxel_indices[seen][:, 0].tolist() == [2] * 25


def test_what_is_nearer_than_rays_count_from_hides_nothing():
    volume = volume_of([[0, 0, 0], [5, 0, 0]], 0.3, density=[100.0, 100.0])
    largest = largest_weights(volume, rays_of(around([0])), nearest=3.0)
    assert (largest > 0.5).tolist() == [True, False]


def test_what_is_transparent_hides_nothing_and_is_not_seen():
    volume = volume_of([[0, 0, 0], [1, 0, 0]], 0.3, density=[100.0, 0.0])
    assert (largest_weights(volume, rays_of(around([0]))) > 0.5).tolist() == [True, False]


def test_in_parts_as_at_once(monkeypatch):
    volume, views = random_volume(), around([0, 120, 240])
    whole = largest_weights(volume, rays_of(views, 30, 40))
    monkeypatch.setattr("condense_ns.rendering.voxel_visibility.RAYS_AT_ONCE", 77)
    assert torch.equal(largest_weights(volume, rays_of(views, 30, 40)), whole)
    assert whole.max() > 0.1


def test_no_views_see_nothing():
    assert (largest_weights(random_volume(), []) == 0).all()
