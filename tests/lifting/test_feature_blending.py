"""One convex weight per source: by hand, and beside the corrected features that are never stored."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.interpolation import sample_map
from condense_ns.lifting import feature_blending
from condense_ns.lifting.feature_blending import (
    BANK,
    KEYS,
    START_GATE,
    FeatureBlender,
    PointHints,
    feature_maps,
)
from condense_ns.lifting.view_aggregator import WIDTH
from condense_ns.lifting.view_pooling import LEAST_LOGIT

ROWS, COLUMNS = 5, 7


@pytest.fixture(scope="module")
def blender() -> FeatureBlender:
    """Random weights, and none of them zero."""
    torch.manual_seed(0)
    blender = FeatureBlender().requires_grad_(False)
    for parameter in blender.parameters():
        parameter.add_(0.3 * torch.randn_like(parameter))
    return blender


def some_maps(sources=4, channels=6, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 2 + 3 * torch.randn(sources, ROWS, COLUMNS, channels, generator=generator)


def some_points(sources=4, points=20, seed=1):
    """Points that each source sees with probability 3/4, the last one by none."""
    generator = torch.Generator().manual_seed(seed)
    visibility = torch.randn(sources, points, generator=generator)
    unseen = torch.rand(sources, points, generator=generator) < 0.25
    unseen[:, -1] = True
    return PointHints(
        torch.rand(sources, points, 2, generator=generator),
        torch.randn(sources, points, WIDTH, generator=generator),
        torch.where(unseen, LEAST_LOGIT, visibility),
        torch.randn(sources, points, 4, generator=generator),
    )


def test_what_the_weights_see_is_centred_and_has_one_scale():
    maps = some_maps() * torch.tensor([1.0, 1, 1, 1, 1, 9])
    features = feature_maps(maps)
    assert features.maps is maps
    assert features.centred.mean(dim=(0, 1, 2)).abs().max() < 1e-5
    assert features.centred.square().mean().item() == pytest.approx(1.0)
    ratio = (maps - maps.mean(dim=(0, 1, 2))) / features.centred
    torch.testing.assert_close(ratio, ratio.mean().expand_as(ratio), atol=1e-2, rtol=1e-2)
    assert (feature_maps(torch.full((2, 3, 3, 4), 5.0)).centred == 0).all()


def test_two_sources_by_hand():
    blender = FeatureBlender().requires_grad_(False)
    for layer in (blender.queries, blender.keys):
        layer.weight.zero_()
        layer.bias.zero_()
    maps = torch.zeros(2, 1, 2, 2)
    maps[0, 0, :, 0], maps[1, 0, :, 1] = 1.0, 1.0  # the centred ones point apart: cosine -1
    visibility = torch.tensor([[math.log(3.0)], [0.0]])
    points = PointHints(
        torch.full((2, 1, 2), 0.5), torch.randn(2, 1, WIDTH), visibility, torch.zeros(2, 1, 4)
    )
    features = feature_maps(maps)
    found = blender(features, blender.describe(features), points)
    gate = 1 / (1 + math.exp(-START_GATE))
    own = math.exp(math.e) / (math.exp(math.e) + math.exp(-math.e))  # exp(likeness) is e
    first = 0.75 * (1 - gate) + gate * (0.75 * own + 0.25 * (1 - own))
    torch.testing.assert_close(found, torch.tensor([[first], [1 - first]]))
    assert blender.without_corrector(points).flatten().tolist() == pytest.approx([0.75, 0.25])


def slow_blend(blender, features, described, points):
    """Corrected features of each source at each point, then their mixture."""
    count, number = points.visibility.shape
    found = torch.zeros(number, features.maps.shape[-1])
    for point in range(number):
        seen = [at for at in range(count) if points.visibility[at, point] > LEAST_LOGIT]
        if not seen:
            continue
        place = [points.places[at, point][None] for at in seen]
        given, centred, looks = (
            torch.stack([sample_map(maps[at], xy, (1, 1))[0] for at, xy in zip(seen, place)])  # noqa: B905
            for maps in (features.maps, features.centred, described)
        )
        hints, directions = points.hints[seen, point], points.directions[seen, point]
        cosines = F.cosine_similarity(centred[:, None], centred[None], dim=-1)
        logits = points.visibility[seen, point] + blender.mixing(hints)[:, 0]
        logits = logits + blender.described_mixing(looks)[:, 0]
        mixture = (logits + blender.consent.exp() * cosines.mean(dim=1)).softmax(dim=0)
        both = torch.cat([hints, looks], dim=1)
        gates = blender.gate(both)[:, 0].sigmoid()
        asked = torch.cat([both, directions], dim=1)
        scores = blender.queries(asked) @ blender.keys(asked).T / math.sqrt(KEYS)
        shares = (scores + blender.likeness.exp() * cosines).softmax(dim=1)
        corrected = torch.stack(
            [
                given[i]
                + sum(gates[i] * shares[i, j] * (given[j] - given[i]) for j in range(len(seen)))
                for i in range(len(seen))
            ]
        )
        found[point] = (mixture[:, None] * corrected).sum(dim=0)
    return found


@pytest.mark.parametrize("channels", [1, 6])
def test_weights_give_the_mixture_of_corrected_features(blender, channels):
    features, points = feature_maps(some_maps(channels=channels)), some_points()
    described = blender.describe(features)
    weights = blender(features, described, points)
    sampled = torch.stack(
        [sample_map(features.maps[at], points.places[at], (1, 1)) for at in range(4)]
    )
    found = (weights[..., None] * sampled).sum(dim=0)
    expected = slow_blend(blender, features, described, points)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("sources", [1, 2, 9])
@pytest.mark.parametrize("corrected", [True, False])
def test_weights_are_shares_of_the_sources_that_see(blender, sources, corrected):
    features, points = feature_maps(some_maps(sources)), some_points(sources, 100)
    if corrected:
        found = blender(features, blender.describe(features), points)
    else:
        found = blender.without_corrector(points)
    seen = points.visibility > LEAST_LOGIT
    assert (found >= 0).all()
    assert (found[~seen] == 0).all()
    torch.testing.assert_close(found.sum(dim=0), seen.any(dim=0).float())


def test_a_source_that_others_agree_with_counts_more():
    """Four of five say the same; untrained, the fifth is outvoted."""
    blender = FeatureBlender().requires_grad_(False)
    maps = torch.zeros(5, 1, 1, 8)
    maps[:4, ..., 0], maps[4, ..., 1] = 1.0, 1.0
    places = torch.full((5, 1, 2), 0.5)
    points = PointHints(places, torch.zeros(5, 1, WIDTH), torch.zeros(5, 1), torch.zeros(5, 1, 4))
    features = feature_maps(maps)
    weights = blender(features, blender.describe(features), points)[:, 0]
    assert weights[4] < 0.6 * weights[:4].min()
    torch.testing.assert_close(weights[:4], weights[:1].expand(4))


def test_the_order_of_the_sources_does_not_matter(blender):
    maps, points, order = some_maps(), some_points(), [2, 0, 3, 1]
    features = feature_maps(maps)
    found = blender(features, blender.describe(features), points)
    shuffled = PointHints(
        points.places[order],
        points.hints[order],
        points.visibility[order],
        points.directions[order],
    )
    features = feature_maps(maps[order])
    again = blender(features, blender.describe(features), shuffled)
    torch.testing.assert_close(again, found[order], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("numbers", [1, 2 * BANK * ROWS * COLUMNS, 4 * BANK * ROWS * COLUMNS])
def test_how_many_channels_are_described_at_a_time_does_not_matter(blender, monkeypatch, numbers):
    features = feature_maps(some_maps())
    expected = blender.describe(features)
    monkeypatch.setattr(feature_blending, "IN_CACHE", numbers)
    torch.testing.assert_close(blender.describe(features), expected)


def test_descriptions_agree_with_a_loop_over_channels(blender):
    features = feature_maps(some_maps(3, 100))
    found = blender.describe(features)
    assert found.shape == (3, ROWS, COLUMNS, BANK)
    for source in range(3):
        total = torch.zeros(BANK, ROWS, COLUMNS)
        for channel in range(100):
            one = features.centred[source, ..., channel][None, None]
            total += blender.bank(one)[0].softmax(dim=0) / 100
        torch.testing.assert_close(found[source], total.permute(1, 2, 0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.sum(dim=-1), torch.ones(3, ROWS, COLUMNS))


def test_descriptions_treat_all_channels_alike(blender):
    maps, order = some_maps(channels=50), torch.randperm(50)
    first = blender.describe(feature_maps(maps))
    second = blender.describe(feature_maps(maps[..., order]))
    torch.testing.assert_close(first, second, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("maps", [some_maps(), torch.zeros(4, ROWS, COLUMNS, 3)])
def test_every_part_learns_even_from_features_that_say_nothing(maps):
    torch.manual_seed(0)
    blender = FeatureBlender()
    with torch.no_grad():
        for parameter in blender.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    features, points = feature_maps(maps), some_points()
    weights = blender(features, blender.describe(features), points)
    (weights * torch.arange(4.0)[:, None]).sum().backward()
    for name, parameter in blender.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        if maps.any():
            assert parameter.grad.any() or name == "keys.bias", name  # alike for all who are asked
