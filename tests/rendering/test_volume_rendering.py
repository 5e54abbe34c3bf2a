"""Weights, depth and features of rays through voxels, by hand and by a walk in tiny steps."""

import math

import pytest
import torch

from condense_ns.rendering.accumulation import composite
from condense_ns.rendering.ray_march import march
from condense_ns.rendering.volume_rendering import (
    composite_voxels,
    mean_depth,
    opacity,
    surface_weights,
    volume_weights,
)
from tests.rendering.test_ray_march import rays_around
from tests.volumes.made_up_volumes import features_of, number_at, random_volume, volume_of

ALONG_Z = torch.tensor([[0.5, 0.5, -2.0]]), torch.tensor([[0.0, 0.0, 1.0]])


def column(density):
    """Voxels above one another, and a ray through them from two units below."""
    volume = volume_of([[0, 0, z] for z in range(len(density))], density=density)
    return volume, march(volume, *ALONG_Z)


def walk(volume, origin, direction, step=1e-3, reach=8.0):
    """One ray in tiny steps of constant density: feature, depth and opacity."""
    light, feature, depth = 1.0, torch.zeros(features_of(volume).shape[1]), 0.0
    length = math.dist(direction, (0, 0, 0))
    for count in range(int(reach / step)):
        t = (count + 0.5) * step
        place = [
            (o + t * d - c) / volume.voxel_size
            for o, d, c in zip(origin, direction, volume.origin.tolist(), strict=True)
        ]
        number = number_at(volume, tuple(math.floor(p) for p in place))
        if number >= 0:
            stopped = light * -math.expm1(-volume.density[number].item() * step * length)
            feature, depth = feature + stopped * features_of(volume)[number], depth + stopped * t
            light -= stopped
    return feature, depth, 1 - light


def test_by_hand():
    volume, samples = column([math.log(2.0), math.log(4.0), 0.0])
    weights = volume_weights(samples, volume.density)
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.375, 0.0]]))
    assert opacity(weights).item() == pytest.approx(0.875)
    assert mean_depth(samples, weights).item() == pytest.approx((0.5 * 2.5 + 0.375 * 3.5) / 0.875)
    values = torch.tensor([[7.0, 0.0], [0.0, 14.0], [9.0, 9.0]])
    torch.testing.assert_close(
        composite_voxels(samples, weights, values), torch.tensor([[4.0, 6.0]])
    )


def test_the_surface_alone_by_hand():
    volume, samples = column([0.1, math.log(2.0), 9.0, 9.0])
    weights = volume_weights(samples, volume.density)
    spike = surface_weights(weights)
    assert spike.tolist() == [[0, 1, 0, 0]]
    values = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    assert composite_voxels(samples, spike, values).tolist() == [[2.0]]
    assert mean_depth(samples, spike).item() == pytest.approx(3.5)


def test_a_ray_that_is_never_half_stopped_has_no_surface():
    volume, samples = column([0.1, 0.1])
    spike = surface_weights(volume_weights(samples, volume.density))
    assert (spike == 0).all()
    assert composite_voxels(samples, spike, volume.colour).tolist() == [[0, 0, 0]]


def test_it_agrees_with_a_walk_in_tiny_steps():
    volume = random_volume(across=4, count=30)
    origins, directions = rays_around(volume, 6)
    samples = march(volume, origins, directions, most=1000)
    weights = volume_weights(samples, volume.density)
    features = composite_voxels(samples, weights, features_of(volume)) * opacity(weights)[:, None]
    met = 0
    for ray in range(6):
        feature, depth, stopped = walk(volume, origins[ray].tolist(), directions[ray].tolist())
        met += stopped > 0.1
        torch.testing.assert_close(features[ray], feature, atol=0.02, rtol=0)
        assert opacity(weights)[ray].item() == pytest.approx(stopped, abs=5e-3)
        middles = (weights * samples.t_middles).sum(dim=1)[ray].item()
        half_voxel = 0.5 * volume.voxel_size / directions[ray].norm().item()
        assert abs(middles - depth) < half_voxel
    assert met > 2


def test_compositing_by_voxel_is_compositing_of_samples():
    volume = random_volume(across=8, count=300)
    samples = march(volume, *rays_around(volume, 100))
    weights = volume_weights(samples, volume.density)
    expected = composite(weights, features_of(volume)[samples.voxels.clamp_min(0)])
    torch.testing.assert_close(composite_voxels(samples, weights, features_of(volume)), expected)


def test_weights_sum_to_one_at_most_and_air_has_none():
    volume = random_volume(across=8, count=300)
    samples = march(volume, *rays_around(volume, 100))
    weights = volume_weights(samples, 1e4 * volume.density)
    assert (weights >= 0).all()
    assert (opacity(weights) <= 1 + 1e-6).all()
    assert (weights[~samples.valid] == 0).all()
    assert (surface_weights(weights).sum(dim=1) <= 1).all()


def test_gradients_reach_values_and_density():
    volume = random_volume(across=4, count=40)
    samples = march(volume, *rays_around(volume, 5), most=6)
    samples = type(samples)(
        samples.voxels, *(getattr(samples, n).double() for n in ("t_starts", "t_ends", "deltas"))
    )
    values = features_of(volume)[:, :2].double().requires_grad_()
    density = volume.density.double().requires_grad_()

    def rendered(values, density):
        return composite_voxels(samples, volume_weights(samples, density), values, eps=1e-3)

    assert torch.autograd.gradcheck(rendered, (values, density))


def test_an_empty_volume_is_transparent():
    volume = volume_of([])
    samples = march(volume, *ALONG_Z)
    weights = volume_weights(samples, volume.density)
    assert opacity(weights).tolist() == [0.0]
    assert mean_depth(samples, weights).tolist() == [0.0]
    assert composite_voxels(samples, weights, volume.colour).tolist() == [[0, 0, 0]]
