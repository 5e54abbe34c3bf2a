"""Rays of clicks and the keypoints they mean, by hand."""

import math

import pytest
import torch
from nerfstudio.cameras.cameras import Cameras

from condense_ns.viewer.keypoint_picking import click_ray, nearest_to_ray, tolerance_of
from condense_ns.viewer.panel_scene import View

FORWARD = torch.tensor([0.0, 0.0, -1.0])


def test_the_nearest_to_a_ray_by_hand():
    points = torch.tensor([[0.05, 0.0, -1.0], [0.02, 0.0, -1.05], [0.0, 0.0, -3.0], [0, 0, 1.0]])
    origin = torch.zeros(3)
    assert nearest_to_ray(points, origin, FORWARD, 0.1, 0.0) == 1
    assert nearest_to_ray(points, origin, FORWARD, 0.01, 0.0) == 2  # the others are out of reach
    assert nearest_to_ray(points, origin, FORWARD, 0.01, 0.03) == 1  # it is drawn large
    assert nearest_to_ray(points[3:], origin, FORWARD, 0.1, 0.5) is None  # behind the camera
    assert nearest_to_ray(points[:0], origin, FORWARD, 0.1, 0.5) is None


def test_the_ray_of_a_place_and_its_tolerance_by_hand():
    pose = torch.eye(4)[None, :3].clone()
    pose[0, :, 3] = torch.tensor([1.0, 2.0, 3.0])
    view = View(Cameras(pose, 100.0, 100.0, 200.0, 100.0, 400, 200), None)
    origin, direction = click_ray(view, (0.75, 0.0))
    assert origin.tolist() == [1.0, 2.0, 3.0]
    assert torch.allclose(direction, torch.tensor([1.0, 1.0, -1.0]) / math.sqrt(3))
    assert tolerance_of(view, 0.01) == pytest.approx(0.02)
