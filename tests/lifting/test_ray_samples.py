"""Depths of rays whose samples lie on one surface, on two, or on none."""

import pytest
import torch

from condense_ns.lifting.ray_samples import ONE_SURFACE, RaySamples
from condense_ns.lifting.view_aggregator import Aggregated, SeenPoints


def samples(depths: list[list[float]], weights: list[list[float]]) -> RaySamples:
    """Of which nothing but depths and weights is known."""
    nothing = torch.zeros(0)
    seen = SeenPoints(
        torch.zeros(0, 0, 2),
        torch.zeros(0, 0) > 0,
        torch.zeros(0, 0, 1),
        torch.zeros(0, 0, 4),
        torch.zeros(0, 0),
    )
    said = Aggregated(
        nothing, torch.zeros(0, 3), nothing, torch.zeros(0, 0), torch.zeros(0, 0, 1),
        torch.zeros(0, 0),
    )  # fmt: skip
    return RaySamples(torch.tensor(depths), torch.tensor(weights), seen, said)


@pytest.mark.parametrize(
    ("depths", "weights", "expected"),
    [
        ([2.0, 2.1, 2.2], [0.25, 0.5, 0.25], 2.1),  # one surface: the mean
        ([2.0, 2.1, 2.2], [0.05, 0.1, 0.05], 2.1),  # opacity does not matter
        ([2.0, 2.1, 9.0], [0.3, 0.3, 0.4], 2.05),  # two surfaces: that of the greater part
        ([2.0, 8.8, 9.0], [0.4, 0.3, 0.3], 8.9),
        ([2.0, 5.0, 9.0], [0.0, 0.0, 1.0], 9.0),
        ([2.0, 5.0, 9.0], [0.0, 0.0, 0.0], 0.0),  # no source sees the ray
    ],
)
def test_the_depth_of_a_surface_by_hand(depths, weights, expected):
    found = samples([depths], [weights]).surface_depth
    assert found.tolist() == pytest.approx([expected], abs=1e-5)


def test_a_sample_lies_always_near_the_depth():
    generator = torch.Generator().manual_seed(0)
    depths = (1 + 9 * torch.rand(200, 6, generator=generator)).sort(dim=1).values
    weights = torch.rand(200, 6, generator=generator) / 6
    found = samples(depths.tolist(), weights.tolist()).surface_depth
    apart = (depths / found[:, None] - 1).abs().amin(dim=1)
    assert (apart <= ONE_SURFACE).all()


def test_it_does_not_depend_on_the_unit_of_length():
    depths, weights = [[2.0, 2.1, 9.0]], [[0.2, 0.3, 0.5]]
    first = samples(depths, weights).surface_depth
    second = samples([[1e3 * depth for depth in depths[0]]], weights).surface_depth
    torch.testing.assert_close(second, 1e3 * first)
