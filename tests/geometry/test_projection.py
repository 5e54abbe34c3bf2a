"""Projecting undoes what nerfstudio does when it sends a ray through a pixel."""

import math

import pytest
import torch
from nerfstudio.cameras.cameras import Cameras, CameraType

from condense_ns.geometry.projection import Camera, project

LENSES = {
    "ideal": [0.0] * 6,
    "radial": [-0.08, 0.03, -0.004, 0.002, 0.0, 0.0],
    "tangential": [-0.05, 0.01, 0.0, 0.0, 0.006, -0.004],
}


def turned_pose():
    """A rotation about all axes and a translation."""
    generator = torch.Generator().manual_seed(3)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
    rotation = rotation * torch.linalg.det(rotation)
    return torch.cat([rotation, torch.tensor([[0.5], [-2.0], [1.5]])], dim=1)


def ideal_camera(pose):
    return Camera(
        pose, torch.tensor([100.0, 200.0]), torch.tensor([50.0, 40.0]), torch.zeros(6), 100, 80
    )


def test_a_camera_at_the_origin_looks_along_minus_z():
    camera = ideal_camera(torch.eye(3, 4))
    points = torch.tensor([[0.0, 0, -1], [1, 0, -4], [0, 1, -4], [-2, -1, -10], [0, 0, 3]])
    pixels, depth = project(points, camera)
    expected = [[50.0, 40], [75, 40], [50, -10], [30, 60]]  # y up becomes y down
    assert torch.allclose(pixels[:4], torch.tensor(expected))
    assert depth.tolist() == [1, 4, 4, 10, -3]
    assert pixels.isfinite().all()


def test_a_pose_moves_the_camera_in_the_world():
    quarter_turn = torch.tensor([[0.0, 0, -1, 7], [0, 1, 0, 8], [1, 0, 0, 9]])  # looks along +x
    camera = ideal_camera(quarter_turn)
    assert camera.origin.tolist() == [7, 8, 9]
    pixels, depth = project(torch.tensor([[11.0, 8, 9], [11, 8, 10]]), camera)
    assert torch.allclose(pixels, torch.tensor([[50.0, 40], [75, 40]]))
    assert torch.allclose(depth, torch.tensor([4.0, 4]))


def test_fisheye_angles_are_proportional_to_the_radius():
    camera = Camera(
        torch.eye(3, 4), torch.tensor([90.0, 90]), torch.zeros(2), torch.zeros(6), 9, 9, True
    )
    points = torch.tensor([[1.0, 0, -1], [0, math.sqrt(3), -1], [0, 0, -1]])  # 45, 60, 0 degrees
    pixels, _ = project(points, camera)
    expected = torch.tensor([[90 * math.pi / 4, 0], [0, -90 * math.pi / 3], [0, 0]])
    assert torch.allclose(pixels, expected, atol=1e-4)


def test_the_image_ends_at_its_width_and_height():
    pixels = torch.tensor([[0.0, 0], [100, 80], [50, 40], [-0.1, 5], [5, 80.1], [100.1, 5]])
    inside = ideal_camera(torch.eye(3, 4)).contains(pixels)
    assert inside.tolist() == [True, True, True, False, False, False]


@pytest.mark.parametrize("fisheye", [False, True])
@pytest.mark.parametrize("lens", LENSES)
def test_a_point_on_a_pixels_ray_projects_to_the_pixel(lens, fisheye):
    pose, distortion = turned_pose(), torch.tensor(LENSES[lens])
    width, height = 120, 90
    cameras = Cameras(
        camera_to_worlds=pose[None],
        fx=95.0,
        fy=105.0,
        cx=57.0,
        cy=47.0,
        width=width,
        height=height,
        distortion_params=distortion[None],
        camera_type=CameraType.FISHEYE if fisheye else CameraType.PERSPECTIVE,
    )
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(64, 2, generator=generator) * torch.tensor([width, height])
    rays = cameras.generate_rays(camera_indices=0, coords=pixels.flip(-1))  # (y, x) there
    lengths = 0.1 + 30 * torch.rand(64, 1, generator=generator)
    camera = Camera(
        pose,
        torch.tensor([95.0, 105.0]),
        torch.tensor([57.0, 47.0]),
        distortion,
        width,
        height,
        fisheye,
    )
    found, depth = project(rays.origins + lengths * rays.directions, camera)
    assert torch.allclose(found, pixels, atol=2e-2)
    assert (depth > 0).all()
    assert (depth <= lengths[:, 0] + 1e-4).all()
