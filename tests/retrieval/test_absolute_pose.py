"""Poses from points and pixels, where matching has no part in it."""

from dataclasses import replace

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.geometry.projection import project
from condense_ns.metrics.pose_error import pose_errors
from condense_ns.retrieval.absolute_pose import Lens, Search, absolute_pose, estimator_camera
from condense_ns.retrieval.localization import localize
from tests.retrieval.scene_points import camera_at_a_distance_of_four, photograph, scene_of_points

SCENE = scene_of_points()


def test_the_pose_of_exact_pixels():
    camera = camera_at_a_distance_of_four(4)
    pixels, _ = project(SCENE.xyz, camera)
    found = absolute_pose(pixels, SCENE.xyz, Lens.of(camera), Search(8.0))
    assert found is not None
    assert found.inliers.all()
    distance, degrees = pose_errors(found.camera.camera_to_world, camera.camera_to_world)
    assert distance < 1e-6
    assert degrees < 1e-4
    assert absolute_pose(pixels[:5], SCENE.xyz[:5], Lens.of(camera), Search(8.0)) is None


def test_an_absurd_focal_length_is_none():
    camera = camera_at_a_distance_of_four(4)
    camera = replace(camera, focal=camera.focal * 0.05)
    pixels, _ = project(SCENE.xyz, camera)
    assert absolute_pose(pixels, SCENE.xyz, Lens.of(camera), Search(0.5)) is None


def test_a_distortion_that_the_estimator_does_not_know():
    sentence = r"k4 = 0\.1"
    distortion = torch.tensor([0.0, 0.0, 0.0, 0.1, 0.0, 0.0]).double()
    lens = replace(Lens.of(camera_at_a_distance_of_four()), distortion=distortion)
    with pytest.raises(UserError, match=sentence):
        absolute_pose(torch.zeros(0, 2).double(), torch.zeros(0, 3).double(), lens, Search(8.0))
    with pytest.raises(UserError, match=sentence):
        localize(photograph(SCENE, camera_at_a_distance_of_four()), SCENE, lens)
    with pytest.raises(UserError, match=sentence):
        estimator_camera(lens)


def test_points_behind_the_camera_do_not_agree():
    camera = camera_at_a_distance_of_four()
    points = 2 * camera.origin - SCENE.xyz  # mirrored through the camera they have the same pixels
    _, depth = project(points, camera)
    mirrored = project(SCENE.xyz, camera)[0]
    assert (depth < 0).all()
    found = absolute_pose(mirrored, points, Lens.of(camera), Search(3.0))
    assert found is not None  # seen from the other side they look nearly the same
    assert (project(points, found.camera)[1][found.inliers] > 0).all()
    assert found.inliers.float().mean() < 0.9


@pytest.mark.parametrize("points", [torch.zeros(20, 3), torch.arange(20.0)[:, None].expand(20, 3)])
def test_points_that_fix_no_pose(points):
    camera = camera_at_a_distance_of_four()
    pixels = (torch.rand(20, 2, generator=torch.Generator().manual_seed(0)) * 300).double()
    found = absolute_pose(pixels, points.double(), Lens.of(camera), Search(8.0))
    assert found is None or found.camera.camera_to_world.isfinite().all()


def test_lenses():
    lens = Lens.ideal(640, 480, (500.0,))
    assert (lens.focal.tolist(), lens.centre.tolist()) == ([500.0, 500.0], [320.0, 240.0])
    assert Lens.ideal(640, 480, (500.0, 510.0)).focal.tolist() == [500.0, 510.0]
    assert Lens.guessed(480, 640).focal.tolist() == [768.0, 768.0]
    assert Lens.guessed(480, 640, 700.0).focal.tolist() == [700.0, 700.0]
    assert not Lens.guessed(480, 640, 700.0).focal_is_known
