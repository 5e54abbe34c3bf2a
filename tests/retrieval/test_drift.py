"""Cameras follow the drift of the views beside them."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.projection import Camera
from condense_ns.geometry.rotations import nearest_rotation
from condense_ns.keypoints.keypoint_set import SeenView
from condense_ns.retrieval.drift import in_given_poses


def about(axis, degrees):
    x, y, z = F.normalize(torch.tensor(axis).double(), dim=0).tolist()
    cross = torch.tensor([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]).double()
    return torch.linalg.matrix_exp(math.radians(degrees) * cross)


def looking(angle):
    """A pose at a distance of two that looks at the origin."""
    backward = torch.tensor([math.cos(angle), math.sin(angle), 0.3]).double()
    backward = backward / backward.norm()
    up = torch.tensor([0.0, 0.0, 1.0]).double()
    right = F.normalize(torch.linalg.cross(up, backward), dim=0)
    axes = [right, torch.linalg.cross(backward, right), backward]
    return torch.stack([*axes, 2 * backward], dim=1)


def offset(pose, turn, shift):
    """The pose turned and shifted in its own axes."""
    axes = pose[:, :3]
    return torch.cat([axes @ turn, pose[:, 3:] + axes @ torch.tensor(shift).double()[:, None]], 1)


def view_of(agreed, given):
    camera = Camera(agreed, torch.ones(2), torch.ones(2), torch.zeros(6), 4, 3)
    return SeenView("view.png", camera, given)


def angles(count):
    return [2 * math.pi * number / count for number in range(count)]


def degrees_between(one, other):
    trace = float((one[:, :3] * other[:, :3]).sum())
    return math.degrees(math.acos(max(-1.0, min(1.0, (trace - 1) / 2))))


TURN, SHIFT = about((1.0, 2.0, -0.5), 2.0), [0.01, -0.03, 0.02]


@pytest.mark.parametrize("count", [1, 2, 3, 24])
def test_without_drift_nothing_moves(count):
    views = tuple(view_of(looking(angle), looking(angle)) for angle in angles(count))
    for angle in (0.0, 0.1, 3.0):
        pose = looking(angle)
        assert (in_given_poses(pose, views) - pose).abs().max() < 1e-12


def test_without_views_the_pose_stays_as_it_is():
    assert torch.equal(in_given_poses(looking(0.2), ()), looking(0.2))


@pytest.mark.parametrize("count", [1, 2, 24])
def test_a_constant_offset_in_camera_axes_is_followed_exactly(count):
    poses = [looking(angle) for angle in angles(count)]
    views = tuple(view_of(pose, offset(pose, TURN, SHIFT)) for pose in poses)
    for angle in (0.0, 0.123, 2.5):
        expected = offset(looking(angle), TURN, SHIFT)
        assert (in_given_poses(looking(angle), views) - expected).abs().max() < 1e-9


def drifting(angle):
    return offset(
        looking(angle),
        about((0.3, 1.0, 0.2), 2 * math.sin(angle)),
        [0.04 * math.cos(angle), 0.0, 0.02],
    )


def test_a_smooth_drift_is_mostly_undone_between_views():
    views = tuple(view_of(looking(angle), drifting(angle)) for angle in angles(24))
    before, after = [], []
    for angle in torch.linspace(0.07, 6.2, 40).tolist():
        pose, given = looking(angle), drifting(angle)
        moved = in_given_poses(pose, views)
        before.append((degrees_between(pose, given), float((pose - given)[:, 3].norm())))
        after.append((degrees_between(moved, given), float((moved - given)[:, 3].norm())))
    for was, remained in zip(
        torch.tensor(before).median(0).values, torch.tensor(after).median(0).values, strict=True
    ):
        assert remained < 0.15 * was


def test_a_camera_at_a_view_gets_the_pose_of_that_view():
    views = tuple(view_of(looking(angle), drifting(angle)) for angle in angles(24))
    for angle in angles(24)[:5]:
        assert (in_given_poses(looking(angle), views) - drifting(angle)).abs().max() < 1e-4


def test_the_order_of_the_views_does_not_matter():
    views = tuple(view_of(looking(angle), drifting(angle)) for angle in angles(11))
    one, other = in_given_poses(looking(0.4), views), in_given_poses(looking(0.4), views[::-1])
    assert (one - other).abs().max() < 1e-12


def test_of_views_at_one_place_the_one_that_looks_alike_counts():
    ahead = looking(0.0)
    behind = torch.cat([ahead[:, :3] @ about((0.0, 1.0, 0.0), 180.0), ahead[:, 3:]], dim=1)
    far = looking(math.pi / 2)
    views = (view_of(ahead, offset(ahead, TURN, SHIFT)), view_of(behind, behind), view_of(far, far))
    expected = offset(ahead, TURN, SHIFT)
    assert (in_given_poses(ahead, views) - expected).abs().max() < 1e-4


def test_all_views_at_one_pose_are_no_trouble():
    pose = looking(1.0)
    views = tuple(view_of(pose, offset(pose, TURN, SHIFT)) for _ in range(3))
    moved = in_given_poses(pose, views)
    assert (moved - offset(pose, TURN, SHIFT)).abs().max() < 1e-9


def test_poses_of_single_precision_give_rotations():
    views = tuple(view_of(looking(angle).float(), drifting(angle).float()) for angle in angles(7))
    axes = in_given_poses(looking(0.4).float().double(), views)[:, :3]
    assert (axes - nearest_rotation(axes)).abs().max() < 1e-12
