"""Samples of a ray -> the ray's vector."""

import torch

from condense_ns.rendering.accumulation import composite, strongest_samples


def slow_composite(weights, values):
    rays = []
    for ray_weights, ray_values in zip(weights.tolist(), values, strict=True):
        total = max(sum(ray_weights), 1e-6)
        mean = torch.zeros(values.shape[-1])
        for weight, value in zip(ray_weights, ray_values, strict=True):
            mean += weight / total * value
        rays.append(mean)
    return torch.stack(rays)


def test_the_weighted_mean_of_two_samples_by_hand():
    weights = torch.tensor([[0.1, 0.3]])
    values = torch.tensor([[[4.0, 0.0], [0.0, 8.0]]])
    assert torch.allclose(composite(weights, values), torch.tensor([[1.0, 6.0]]))


def test_agrees_with_a_loop_and_ignores_opacity():
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(9, 5, generator=generator) / 5
    values = torch.randn(9, 5, 3, generator=generator)
    assert torch.allclose(composite(weights, values), slow_composite(weights, values), atol=1e-6)
    assert torch.allclose(composite(weights / 9, values), composite(weights, values), atol=1e-6)


def test_an_empty_ray_is_zero_with_finite_gradients():
    weights = torch.zeros(2, 4, requires_grad=True)
    values = torch.randn(2, 4, 3, requires_grad=True)
    mean = composite(weights, values)
    assert (mean == 0).all()
    mean.sum().backward()
    assert weights.grad is not None
    assert weights.grad.isfinite().all()


def test_the_strongest_samples_are_kept_with_their_indices():
    weights = torch.tensor([[0.1, 0.5, 0.0, 0.3], [0.2, 0.0, 0.7, 0.1]])
    kept, indices = strongest_samples(weights, 2)
    assert [set(row) for row in indices.tolist()] == [{1, 3}, {0, 2}]
    assert torch.equal(kept, weights.gather(1, indices))
    assert strongest_samples(weights, 9)[0].shape == (2, 4)


def test_keeping_all_samples_changes_nothing():
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(4, 6, generator=generator)
    values = torch.randn(4, 6, 3, generator=generator)
    kept, indices = strongest_samples(weights, 6)
    chosen = values.gather(1, indices[..., None].expand(-1, -1, 3))
    assert torch.allclose(composite(kept, chosen), composite(weights, values), atol=1e-6)
