"""nerfstudio's cameras as ideal ones."""

import pytest
import torch
from nerfstudio.cameras.cameras import CameraType

from condense_ns.data.host_cameras import host_cameras
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import pixel_rays
from condense_ns.models.pinhole_camera import pinhole_of
from tests.geometry.looking import looking_at

VIEWS = looking_at(torch.tensor([[4.0, 0, 0], [0, 3, 1], [-2, -2, 2]]), (0.2, 0.1, 0.0))


@pytest.mark.parametrize("number", range(3))
def test_the_way_to_the_host_and_back(number):
    cameras = host_cameras(VIEWS)
    for camera in (cameras[number : number + 1], cameras[number]):
        found = pinhole_of(camera)
        assert len(found) == 1
        assert (found.height, found.width) == (VIEWS.height, VIEWS.width)
        torch.testing.assert_close(found.intrinsics, VIEWS.intrinsics[[number]])
        pose = VIEWS.world_to_camera_cv[[number]]
        torch.testing.assert_close(found.world_to_camera_cv, pose, atol=1e-5, rtol=1e-5)


def test_rays_are_those_of_the_host():
    camera = host_cameras(VIEWS)[1:2]
    rays = camera.generate_rays(camera_indices=0)
    rows, columns = torch.tensor([0, 10, 47]), torch.tensor([0, 63, 5])
    pixels = torch.stack([columns + 0.5, rows + 0.5], dim=1) / torch.tensor([64.0, 48.0])
    centre, directions = pixel_rays(pixels, pinhole_of(camera))
    torch.testing.assert_close(
        centre.expand(3, 3), rays.origins[rows, columns], atol=1e-5, rtol=1e-5
    )
    unit = torch.nn.functional.normalize(directions, dim=1)
    torch.testing.assert_close(unit, rays.directions[rows, columns], atol=1e-5, rtol=1e-5)


def test_distortion_is_left_out():
    camera = host_cameras(VIEWS)[0:1]
    expected = pinhole_of(camera)
    camera.distortion_params = torch.full((1, 6), 0.1)
    camera.camera_type = torch.full((1, 1), CameraType.FISHEYE.value)
    assert torch.equal(pinhole_of(camera).intrinsics, expected.intrinsics)


def test_other_pictures_than_perspective_ones_are_refused():
    camera = host_cameras(VIEWS)[0:1]
    camera.camera_type = torch.full((1, 1), CameraType.EQUIRECTANGULAR.value)
    with pytest.raises(UserError, match="only perspective cameras can be rendered"):
        pinhole_of(camera)
