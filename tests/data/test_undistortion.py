"""The undistorted photograph is what an ideal camera at the same place sees."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from nerfstudio.cameras.cameras import Cameras, CameraType

from condense_ns.data.undistortion import WIDEST, Lens, ideal_intrinsics, lens_of, undistorted
from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera, project

FOX = Lens(135, 240, (172.0, 171.8), (69.3, 120.7), (0.058, -0.08, 0.0, 0.0, -0.001, 0.0002), False)
THREE = Lens(160, 120, (130.0, 131.0), (82.0, 57.0), (-0.2, 0.05, 0.01, 0.0, 0.001, 0.002), False)
FISHEYE = Lens(160, 120, (70.0, 71.0), (81.0, 58.0), (0.05, -0.01, 0.002, 0.0, 0.0, 0.0), True)
IDEAL = Lens(40, 30, (50.0, 52.0), (20.0, 15.0), (0.0,) * 6, False)
# Reaches 91.7 degrees to the sides and 68.8 up and down.
WIDE = Lens(1600, 1200, (500.0, 500.0), (800.0, 600.0), (0.0,) * 6, True)
SHIFTED = Lens(160, 120, (50.0, 51.0), (70.0, 65.0), (-0.05, -0.02, 0.0, 0.0, 0.0, 0.0), True)
LENSES = pytest.mark.parametrize("lens", [FOX, THREE, FISHEYE], ids=["fox", "three", "fisheye"])


def where_the_real_camera_has_them(lens: Lens) -> np.ndarray:
    """Continuous pixel of the real photograph for each pixel of the ideal one, by our projection."""
    ideal = ideal_intrinsics(lens)
    down, across = np.mgrid[: lens.height, : lens.width] + 0.5
    rays = np.stack([across, down, np.ones_like(down)], axis=-1) @ np.linalg.inv(ideal).T
    points = torch.from_numpy(rays * [1, -1, -1]).float().reshape(-1, 3)
    pose = torch.eye(4)[:3]
    focal, centre = torch.tensor(lens.focal), torch.tensor(lens.centre)
    distortion = torch.tensor(lens.distortion)
    camera = Camera(pose, focal, centre, distortion, lens.width, lens.height, lens.fisheye)
    pixels, _ = project(points, camera)
    return pixels.reshape(lens.height, lens.width, 2).numpy()


WIDE_TOO = pytest.mark.parametrize("lens", [FOX, THREE, FISHEYE, WIDE, SHIFTED])


@WIDE_TOO
def test_each_pixel_comes_from_where_the_lens_projects_its_ray(lens: Lens):
    down, across = np.mgrid[: lens.height, : lens.width].astype(np.float32) + 0.5
    found = undistorted(np.stack([across, down], axis=-1), lens)
    expected = where_the_real_camera_has_them(lens)
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(found - expected)[inner].max() < 0.1  # OpenCV rounds to 1/32 of a pixel


@WIDE_TOO
def test_the_ideal_photograph_has_no_empty_border(lens: Lens):
    pixels = where_the_real_camera_has_them(lens)
    assert pixels.min() > -1.5
    assert (pixels < np.array([lens.width, lens.height]) + 1.5).all()


@LENSES
def test_most_of_the_photograph_is_kept(lens: Lens):
    pixels = where_the_real_camera_has_them(lens)
    width, height = np.ptp(pixels[..., 0]), np.ptp(pixels[..., 1])
    assert width > 0.9 * lens.width or height > 0.9 * lens.height
    assert width * height > 0.6 * lens.width * lens.height


@pytest.mark.parametrize("focal", [300.0, 500.0, 509.3, 600.0, 700.0])
def test_a_wide_fisheye_is_seen_up_to_the_widest_angle_by_hand(focal: float):
    lens = replace(WIDE, focal=(focal, focal))
    assert 800 / focal > math.radians(WIDEST)  # an equidistant lens has angle = radius / focal
    ideal = ideal_intrinsics(lens)
    sides = 800 / math.tan(math.radians(WIDEST))
    found = max(sides, 600 / math.tan(min(600 / focal, math.radians(WIDEST))))
    assert ideal == pytest.approx(np.array([[found, 0, 800], [0, found, 600], [0, 0, 1]]))
    assert "within 65.0 degrees" in str(lens)


def test_a_wide_fisheye_is_not_seen_beyond_its_photograph_by_hand():
    lens = replace(WIDE, width=4000, height=600, centre=(1000.0, 300.0))
    left = math.tan(math.radians(WIDEST))  # 1000 / 500 and 3000 / 500 are more
    top = math.tan(300 / 500)
    focal = max(4000 / (2 * left), 600 / (2 * top))
    expected = [[focal, 0, 2000], [0, focal, 300], [0, 0, 1]]
    assert ideal_intrinsics(lens) == pytest.approx(np.array(expected))
    above = replace(WIDE, centre=(800.0, 200.0))  # 200 / 500 above the centre, 1000 / 500 below
    ideal = ideal_intrinsics(above)
    assert ideal[1, 2] / ideal[1, 1] <= math.tan(200 / 500) + 1e-6
    assert (1200 - ideal[1, 2]) / ideal[1, 1] <= left + 1e-6


@pytest.mark.parametrize("lens", [FISHEYE, replace(WIDE, focal=(706.0, 706.0))])
def test_other_fisheyes_have_opencv_s_ideal(lens: Lens):
    real = lens.matrix - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
    size, distortion = (lens.width, lens.height), np.array(lens.distortion[:4])
    expected = cv2.fisheye.estimateNewCameraMatrixForUndistortRectify(
        real, distortion, size, np.eye(3), balance=0.0
    )
    expected[:2, 2] += 0.5
    assert ideal_intrinsics(lens).tolist() == expected.tolist()
    assert str(lens) == repr(lens)


def test_an_ideal_lens_changes_nothing():
    pixels = np.random.default_rng(0).random((30, 40, 3)).astype(np.float32)
    assert undistorted(pixels, IDEAL) is pixels
    assert ideal_intrinsics(IDEAL).tolist() == [[50, 0, 20], [0, 52, 15], [0, 0, 1]]


def test_depth_is_copied_never_mixed():
    depth = np.where(np.arange(FOX.width) < 60, 1.0, 5.0).astype(np.float32)
    found = undistorted(np.tile(depth, (FOX.height, 1)), FOX, nearest=True)
    assert set(np.unique(found)) == {1.0, 5.0}


def camera(kind: CameraType, distortion: list[float] | None) -> Cameras:
    given = None if distortion is None else torch.tensor([distortion])
    pose = torch.eye(4)[None, :3]
    return Cameras(pose, 10.0, 11.0, 6.0, 4.0, 12, 8, distortion_params=given, camera_type=kind)


def test_the_lens_is_that_of_the_camera():
    found = lens_of(camera(CameraType.FISHEYE, [0.1, 0.2, 0.3, 0.4, 0, 0]), 0, "hall")
    assert (found.width, found.height, found.focal, found.centre) == (12, 8, (10, 11), (6, 4))
    assert found.distortion == pytest.approx((0.1, 0.2, 0.3, 0.4, 0, 0))
    assert found.fisheye
    assert lens_of(camera(CameraType.PERSPECTIVE, None), 0, "hall").is_ideal


@pytest.mark.parametrize(
    ("kind", "distortion", "culprit"),
    [
        (CameraType.EQUIRECTANGULAR, None, "EQUIRECTANGULAR"),
        (CameraType.PERSPECTIVE, [0, 0, 0, 0.1, 0, 0], "k4 of a perspective lens"),
        (CameraType.FISHEYE, [0, 0, 0, 0, 0.1, 0], "p1 and p2 of a fisheye"),
    ],
)
def test_what_no_pinhole_can_stand_for_is_refused(
    kind: CameraType, distortion: list[float] | None, culprit: str
):
    with pytest.raises(UserError, match=f"scene hall.*{culprit}"):
        lens_of(camera(kind, distortion), 0, "hall")
