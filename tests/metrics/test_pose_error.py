"""Errors of poses by hand."""

import math

import pytest
import torch

from condense_ns.metrics.pose_error import FAILURE, medians, pose_errors, recall


def turned(degrees, axis=2, centre=(0.0, 0.0, 0.0)):
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    first, second = [other for other in range(3) if other != axis]
    pose = torch.eye(3, 4, dtype=torch.float64)
    pose[first, first], pose[first, second] = cosine, -sine
    pose[second, first], pose[second, second] = sine, cosine
    pose[:, 3] = torch.tensor(centre)
    return pose


def test_a_pose_has_no_error_to_itself():
    distance, degrees = pose_errors(turned(33.0), turned(33.0))
    assert distance == 0.0
    assert degrees == pytest.approx(0.0, abs=2e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("degrees", [0.01, 5.0, 90.0, 179.0, 180.0])
def test_angle_and_distance_of_centres(axis, degrees):
    estimated = turned(20.0 + degrees, axis, (1.0, 2.0, 2.0))
    found = pose_errors(estimated, turned(20.0, axis))
    assert found == pytest.approx((3.0, degrees), abs=1e-5)
    assert pose_errors(turned(20.0, axis), estimated) == pytest.approx(found, abs=1e-9)


def test_single_precision_beside_double():
    assert pose_errors(turned(10.0).float(), turned(0.0)) == pytest.approx((0.0, 10.0), abs=1e-4)


def test_a_rotation_that_rounding_made_too_long_is_no_turn():
    assert pose_errors(torch.eye(3, 4) * (1.0 + 1e-6), torch.eye(3, 4))[1] == 0.0


def test_failures_are_infinite_and_stay_in_the_figures():
    assert pose_errors(None, turned(0.0)) == FAILURE == (math.inf, math.inf)
    errors = [(0.02, 1.0), (0.05, 5.0), (0.01, 6.0), FAILURE]
    assert recall(errors, 0.05, 5.0) == 2 / 4
    assert medians(errors) == pytest.approx(((0.02 + 0.05) / 2, (5.0 + 6.0) / 2))
    assert medians([*errors, FAILURE, FAILURE]) == FAILURE


def test_without_a_pose_there_is_no_figure():
    assert math.isnan(recall([], 1.0, 1.0))
    assert all(math.isnan(figure) for figure in medians([]))
