"""Points from where views see them: the truth, scipy's least squares, and outliers."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from condense_ns.keypoints.triangulation import (
    FORGET,
    Noise,
    Sightings,
    Viewpoints,
    agreeing,
    robust_weights,
    sum_by,
    triangulate,
    worst_deviation,
)
from tests.keypoints.looking_ring import ring

NOISE = Noise(1.0, 0.03)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seen_by_all(xyz, views, pixels=0.0, depth=0.0, seed=1):
    numbers = torch.arange(len(xyz)).repeat(len(views.rotations))
    viewers = torch.arange(len(views.rotations)).repeat_interleave(len(xyz))
    local = torch.einsum("sij,sj->si", views.rotations[viewers], xyz[numbers])
    local = local + views.translations[viewers]
    ideal = local[:, :2] / local[:, 2:]
    ideal = ideal + pixels / 500.0 * normal(*ideal.shape, seed=seed)
    depths = local[:, 2] * (1 + depth * normal(len(local), seed=seed + 1))
    return Sightings(numbers, viewers, ideal, depths)


def spoilt(sightings, share=0.2):
    wrong = torch.rand(len(sightings.points), generator=torch.Generator().manual_seed(9)) < share
    ideal = sightings.ideal.clone()
    ideal[wrong] = 0.6 * normal(int(wrong.sum()), 2, seed=10)
    return Sightings(sightings.points, sightings.views, ideal, sightings.depths), wrong


@pytest.mark.parametrize("has_depth", [False, True])
def test_without_noise_the_points_are_the_true_ones(has_depth):
    xyz = 0.5 * normal(40, 3)
    seen = seen_by_all(xyz, ring())
    if not has_depth:
        seen = Sightings(seen.points, seen.views, seen.ideal, torch.zeros_like(seen.depths))
    found = triangulate(xyz + 0.05 * normal(40, 3, seed=3), seen, ring(), NOISE, rounds=20)
    assert (found.xyz - xyz).abs().max() < 1e-6
    assert found.errors.max() < 1e-3


def residuals(point, sightings, views):
    local = np.einsum("vij,j->vi", views.rotations.numpy(), point) + views.translations.numpy()
    beside = (local[:, :2] / local[:, 2:] - sightings.ideal.numpy()) * views.focals.numpy()[:, None]
    depths = sightings.depths.numpy()
    return np.linalg.norm(beside, axis=1), (local[:, 2] - depths) / (NOISE.depth * depths)


def test_noisy_points_are_those_of_scipy():
    xyz, views = 0.5 * normal(10, 3), ring()
    seen, _ = spoilt(seen_by_all(xyz, views, pixels=1.0, depth=0.03))
    found = triangulate(xyz, seen, views, NOISE, rounds=40)
    for number in range(10):
        own = seen.points == number
        of_point = Sightings(seen.points[own], seen.views[own], seen.ideal[own], seen.depths[own])

        def cost(point, of_point=of_point):
            deviations = np.concatenate(residuals(point, of_point, views))
            return np.sqrt(deviations**2 / (1 + (deviations / FORGET) ** 2))  # Geman-McClure

        best = least_squares(cost, xyz[number].numpy(), xtol=1e-12, ftol=1e-12, gtol=1e-12)
        assert np.abs(found.xyz[number].numpy() - best.x).max() < 1e-5


def test_outliers_are_forgotten_and_told_apart():
    xyz, views = 0.5 * normal(60, 3), ring(12)
    seen, wrong = spoilt(seen_by_all(xyz, views, pixels=0.3, depth=0.03), 0.3)
    found = triangulate(xyz + 0.02 * normal(60, 3, seed=4), seen, views, NOISE)
    assert (found.xyz - xyz).norm(dim=1).median() < 0.002
    assert (agreeing(found.errors, NOISE) == ~wrong).float().mean() > 0.98


def test_the_covariance_is_the_spread_of_repeated_measurements():
    views, xyz = ring(4), torch.tensor([[0.1, -0.2, 0.3]]).double().repeat(4000, 1)
    seen = seen_by_all(xyz, views, pixels=0.1, depth=0.003)
    found = triangulate(xyz, seen, views, Noise(0.1, 0.003))
    spread = torch.cov(found.xyz.T)
    # Geman and McClure's weights lie below one, so that the covariance is a little too careful
    ratio = found.covariance.mean(dim=0).diagonal() / spread.diagonal()
    assert (ratio > 0.8).all()
    assert (ratio < 3.0).all()


def test_one_view_and_a_depth_fix_a_point_by_hand():
    eye = Viewpoints(
        torch.eye(3).double()[None], torch.zeros(1, 3).double(), torch.ones(1).double()
    )
    at = torch.zeros(1, dtype=torch.long)
    seen = Sightings(at, at, torch.tensor([[0.1, -0.2]]).double(), torch.tensor([2.0]).double())
    start = torch.tensor([[0.0, 0.0, 1.9]]).double()
    found = triangulate(start, seen, eye, Noise(0.01, 0.01), rounds=30)
    assert torch.allclose(found.xyz, torch.tensor([[0.2, -0.4, 2.0]]).double(), atol=1e-6)
    # 0.02^2 (diag(1, 1, 0) + d d^T) with d = (0.1, -0.2, 1), whose largest eigenvalue is 1.25
    assert worst_deviation(found.covariance)[0] == pytest.approx(0.02 * math.sqrt(1.25), rel=1e-4)


def test_the_order_of_the_sightings_does_not_matter():
    xyz, views = 0.5 * normal(30, 3), ring()
    seen = seen_by_all(xyz, views, pixels=1.0, depth=0.03)
    order = torch.randperm(len(seen.points), generator=torch.Generator().manual_seed(5))
    parts = (seen.points, seen.views, seen.ideal, seen.depths)
    one = triangulate(xyz, seen, views, NOISE)
    other = triangulate(xyz, Sightings(*(part[order] for part in parts)), views, NOISE)
    assert (other.xyz - one.xyz).abs().max() < 1e-10
    assert (other.errors - one.errors[order]).abs().max() < 1e-7


def test_points_without_sightings_stay_and_nothing_is_triangulated_to_nothing():
    nobody = torch.zeros(0, dtype=torch.long)
    nothing = Sightings(nobody, nobody, normal(0, 2), normal(0))
    found = triangulate(normal(3, 3), nothing, ring(), NOISE)
    assert torch.equal(found.xyz, normal(3, 3))
    assert found.covariance.isfinite().all()
    assert triangulate(normal(0, 3), nothing, ring(), NOISE).xyz.shape == (0, 3)


def test_starts_in_a_camera_or_behind_it_stay_finite():
    views, truth = ring(), torch.zeros(2, 3).double()
    centre = -views.rotations[0].T @ views.translations[0]
    found = triangulate(torch.stack([centre, 3 * centre]), seen_by_all(truth, views), views, NOISE)
    assert found.xyz.isfinite().all()
    assert found.covariance.isfinite().all()
    assert found.errors.isfinite().all()


def test_small_helpers_by_hand():
    assert robust_weights(torch.tensor([0.0, 3.0, -3.0]).double()).tolist() == [1.0, 0.25, 0.25]
    summed = sum_by(torch.tensor([1, 1, 0]), torch.tensor([[1.0], [2], [5]]).double(), 3)
    assert summed.tolist() == [[5.0], [3.0], [0.0]]
    errors = torch.tensor([2.9, 3.1]).double()
    assert agreeing(errors, Noise(1.0, 0.0)).tolist() == [True, False]
    spread = worst_deviation(torch.diag(torch.tensor([1.0, 9.0, 4.0]).double())[None])
    assert spread.tolist() == pytest.approx([3.0])
