"""How much views share, by points on the surfaces."""

import math

import pytest
import torch

from condense_ns.geometry.covisibility import (
    anchor_weights,
    covisibility,
    diverse_choice,
    mean_ray_angles,
    ray_angles,
)
from tests.geometry.looking import around, looking_at, moved

MIDDLE = torch.zeros(1, 3)


def cloud(count: int = 200, size: float = 0.5) -> torch.Tensor:
    return size * torch.randn(count, 3, generator=torch.Generator().manual_seed(0))


def test_a_point_between_two_rays_counts_by_the_angle_between_them():
    target, sources = around([0.0]), around([0.0, 10.0, 20.0, 180.0])
    shares = covisibility(MIDDLE, target, sources)
    expected = [math.exp(-((angle / 20.0) ** 2)) for angle in (0.0, 10.0, 20.0, 180.0)]
    assert shares.tolist() == pytest.approx(expected, abs=1e-5)


def test_small_angles_are_exact():
    angles = ray_angles(MIDDLE, around([0.0]), around([0.001, 0.1, 90.0]))
    assert angles[:, 0].tolist() == pytest.approx([0.001, 0.1, 90.0], rel=1e-2)


def test_points_outside_either_view_do_not_count():
    beside = torch.tensor([[0.0, 0.0, 0.0], [0.0, 40.0, 0.0]])  # the second is seen by none
    target = around([0.0])
    assert covisibility(beside, target, target).tolist() == [1.0]
    behind = looking_at(torch.tensor([[4.0, 0.0, 0.0]]), point=(8.0, 0.0, 0.0))
    assert covisibility(beside, target, behind).tolist() == [0.0]


def test_a_target_that_sees_nothing_shares_nothing():
    away = looking_at(torch.tensor([[4.0, 0.0, 0.0]]), point=(8.0, 0.0, 0.0))
    sources = around([0.0, 30.0])
    assert covisibility(cloud(), away, sources).tolist() == [0.0, 0.0]
    assert mean_ray_angles(cloud(), away, sources).tolist() == [0.0, 0.0]


def test_moving_turning_and_scaling_the_world_changes_nothing():
    turn = torch.tensor([[0.0, -0.3, 0.8], [0.3, 0.0, -0.5], [-0.8, 0.5, 0.0]])
    rotation = torch.linalg.matrix_exp(turn)
    shift, scale = torch.tensor([5.0, -2.0, 1.0]), 30.0
    points, target, sources = cloud(), around([0.0]), around([5.0, 25.0, 60.0, 170.0])
    before = covisibility(points, target, sources)
    after = covisibility(
        scale * points @ rotation.T + shift,
        moved(target, rotation, shift, scale),
        moved(sources, rotation, shift, scale),
    )
    assert torch.allclose(before, after, atol=1e-3)
    assert before.min() >= 0
    assert before.max() <= 1


def test_mean_angles_count_what_both_see():
    points = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.5, 0.0]])
    target = around([0.0])
    near = looking_at(torch.tensor([[1.0, 1.5, 0.0]]), point=(0.0, 1.5, 0.0))  # misses the first
    expected = ray_angles(points, target, near)[0, 1]
    assert mean_ray_angles(points, target, near).item() == pytest.approx(expected.item())


def test_mean_angles_of_a_view_that_sees_nothing_are_over_all_points():
    points = cloud(20, size=0.1)
    away = looking_at(torch.tensor([[0.0, 4.0, 0.0]]), point=(0.0, 8.0, 0.0))
    assert mean_ray_angles(points, around([0.0]), away).item() == pytest.approx(90.0, abs=3.0)


def test_sources_are_chosen_for_what_still_lacks_views():
    three_alike = torch.tensor([[1.0, 1.0, 1.0, 0.0]]).repeat(5, 1)
    other = torch.tensor([[0.0, 0.0, 0.0, 0.5]])
    weights = torch.cat([three_alike, other])
    chosen = diverse_choice(weights, 4, ties=torch.arange(6.0))
    assert chosen == [0, 1, 2, 5]  # three views of the first points are enough
    assert sorted(diverse_choice(weights, 10, ties=torch.arange(6.0))) == list(range(6))


def test_equal_sources_are_told_apart_by_ties():
    weights = torch.zeros(3, 4)
    assert diverse_choice(weights, 3, ties=torch.tensor([2.0, 0.0, 1.0])) == [1, 2, 0]
    assert diverse_choice(torch.zeros(3, 0), 2, ties=torch.tensor([2.0, 0.0, 1.0])) == [1, 2]


def test_weights_lie_between_nothing_and_one():
    weights = anchor_weights(cloud(), around([0.0]), around([0.0, 30.0, 100.0]))
    assert weights.shape == (3, 200)
    assert weights.min() >= 0
    assert weights.max() <= 1 + 1e-6
    both = (weights[0] > 0) & (weights[2] > 0)
    assert (weights[0] > weights[2])[both].all()
