"""nerfstudio's cameras see points where ideal ones do."""

import torch

from condense_ns.data.host_cameras import host_cameras
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from tests.geometry.looking import around


def test_the_host_s_rays_are_those_of_the_ideal_camera():
    views = around([0.0, 50.0])
    cameras = host_cameras(views)
    for at in range(2):
        rays = cameras.generate_rays(camera_indices=at)
        centre, directions = pixel_rays(grid_places(views.height, views.width), views[[at]])
        expected = torch.nn.functional.normalize(directions, dim=-1)
        assert torch.allclose(rays.directions.reshape(-1, 3), expected, atol=1e-5)
        assert torch.allclose(rays.origins.reshape(-1, 3), centre.expand_as(expected), atol=1e-5)


def test_groups_keep_their_own_sizes():
    views = around([0.0])
    cameras = host_cameras(views, views.resized(24, 40))
    assert cameras.shape == (2,)
    assert cameras.height[:, 0].tolist() == [48, 24]
    assert cameras.width[:, 0].tolist() == [64, 40]
    assert host_cameras(around([])).shape == (0,)
