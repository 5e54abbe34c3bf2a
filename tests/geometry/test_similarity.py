"""A similarity moves points, directions and cameras, and its inverse moves them back."""

from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.projection import project
from condense_ns.geometry.similarity import Similarity
from tests.keypoints.made_up_set import IDEAL, looking_camera, random_similarity

QUARTER_TURN = torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]], dtype=torch.float64)


def some_points(count=50):
    return torch.randn(count, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def test_a_quarter_turn_a_shift_and_a_scale_by_hand():
    move = Similarity(QUARTER_TURN, double([1.0, 2, 3]), 10.0)
    assert move.points(double([[1.0, 0, 0], [0, 2, 1]])).tolist() == [[1, 12, 3], [-19, 2, 13]]
    assert move.directions(double([[1.0, 0, 0]])).tolist() == [[0, 1, 0]]
    pose = torch.cat([torch.eye(3), torch.tensor([[1.0], [0], [0]])], dim=1)
    assert move.pose(pose).tolist() == [[0, -1, 0, 1], [1, 0, 0, 12], [0, 0, 1, 3]]


def test_the_identity_leaves_everything_where_it_is():
    points = some_points()
    assert torch.equal(Similarity.identity().points(points), points)
    assert torch.equal(Similarity.identity().directions(points), points)


@pytest.mark.parametrize("is_rounded", [False, True])
def test_there_and_back_is_exact_even_with_a_rotation_of_single_precision(is_rounded):
    move = random_similarity(torch.Generator().manual_seed(0))
    if is_rounded:
        move = replace(move, rotation=move.rotation.float().double())
    back, points = move.inverse(), some_points()
    assert (back.points(move.points(points)) - points).abs().max() < 1e-12
    assert (move.points(back.points(points)) - points).abs().max() < 1e-12
    assert (back.directions(move.directions(points)) - points).abs().max() < 1e-12
    pose = torch.cat([move.rotation, points[:1].T], dim=1)
    assert (back.pose(move.pose(pose)) - pose).abs().max() < 1e-12


def test_what_a_data_parser_did_is_turned_and_shifted_and_then_scaled():
    turn = random_similarity(torch.Generator().manual_seed(2))
    shift = torch.tensor([[3.0], [-1.0], [0.5]])
    transform = torch.cat([turn.rotation.float(), shift], dim=1)
    points = some_points()
    expected = torch.stack(
        [0.25 * (transform[:, :3].double() @ point + shift[:, 0].double()) for point in points]
    )
    moved = Similarity.of_dataparser(transform, 0.25).points(points)
    assert torch.allclose(moved, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("distortion", [IDEAL, (-0.05, 0.01, 0.0, 0.0, 0.006, -0.004)])
def test_a_point_and_a_camera_that_move_together_keep_the_pixel(distortion):
    generator = torch.Generator().manual_seed(3)
    move = random_similarity(generator)
    camera = looking_camera(generator, distortion, fisheye=False)
    camera = replace(camera, camera_to_world=camera.camera_to_world.double())
    moved = replace(camera, camera_to_world=move.pose(camera.camera_to_world))
    points = 0.4 * some_points()
    before, depth_before = project(points, camera)
    after, depth_after = project(move.points(points), moved)
    assert torch.allclose(after, before, atol=1e-9)
    assert torch.allclose(depth_after, 2.5 * depth_before)


def test_a_camera_far_from_the_origin_of_its_dataset_keeps_its_place():
    far = Similarity(QUARTER_TURN, double([500_000.0, 5_000_000, 0]), 1.0)
    pose = torch.cat([torch.eye(3), torch.tensor([[0.125], [0.0], [0.0]])], dim=1)
    assert far.pose(pose)[:, 3].tolist() == [500_000, 5_000_000.125, 0]
