"""How far sources agree about places: by hand, beside a loop, and where too few see them."""

import math

import pytest
import torch

from condense_ns.geometry.epipolar import ray_differences
from condense_ns.geometry.interpolation import sample_maps
from condense_ns.geometry.pinhole import project_pinhole
from condense_ns.lifting import source_agreement
from condense_ns.lifting.source_agreement import NOISE, STRICTNESS, SourceAgreement, log_agreement
from tests.lifting.looking_views import TARGET, sources, views_at
from tests.lifting.swept_plane import plane_points, true_maps


@pytest.fixture
def agreement() -> SourceAgreement:
    """For four channels; disagreement costs itself."""
    torch.manual_seed(0)
    return SourceAgreement(channels=4, width=6, trust=0.0)


def some(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_likelihood_by_the_variance_of_colours_by_hand():
    found = log_agreement(NOISE * torch.tensor([0.0, 1.0, 3.0])).exp()
    assert found.tolist() == pytest.approx([1.0, 2**-STRICTNESS, 4**-STRICTNESS])


def test_twice_a_large_variance_rules_nothing_out():
    small, large = log_agreement(torch.tensor([[1e-6, 2e-6], [0.1, 0.2]]))
    assert small.diff().abs() < 0.01
    assert large.diff().item() == pytest.approx(-STRICTNESS * math.log(2), rel=0.01)


def test_variances_of_two_sources_by_hand(agreement):
    features = torch.tensor([[[0.0, 1, 0, 0]], [[2.0, 1, 0, 0]]])
    both, even = torch.ones(2, 1) > 0, torch.ones(2, 1)
    for found in agreement.variances(features, both, even):
        assert found.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    alone = torch.tensor([[True], [False]])
    assert agreement.variances(features, alone, even)[0].tolist() == [[0.0] * 4]


def slow_variances(agreement, features, inside, cosine):
    shared, robust = (torch.zeros_like(features[0]) for _ in range(2))
    for point in range(features.shape[1]):
        seen = [at for at in range(len(features)) if inside[at, point]]
        if not seen:
            continue
        weights = torch.stack(
            [(agreement.closeness.exp() * (cosine[at, point] - 1)).exp() for at in seen]
        )
        values = features[seen, point]
        mean = (weights[:, None] * values).sum(dim=0) / weights.sum()
        square = (values - mean) ** 2
        shared[point] = (weights[:, None] * square).sum(dim=0) / weights.sum()
        weights = weights * (-agreement.strictness.exp() * square.mean(dim=1)).exp()
        mean = (weights[:, None] * values).sum(dim=0) / weights.sum()
        robust[point] = (weights[:, None] * (values - mean) ** 2).sum(dim=0) / weights.sum()
    return shared, robust


def test_variances_agree_with_a_loop(agreement):
    features, inside = some(5, 40, 4), some(5, 40, seed=1) > -0.7
    inside[:, 0] = False
    cosine = 1 - 0.2 * some(5, 40, seed=2).abs()
    with torch.no_grad():
        found = agreement.variances(features, inside, cosine)
        expected = slow_variances(agreement, features, inside, cosine)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_one_that_differs_from_the_others_loses_its_say(agreement):
    features = torch.zeros(6, 1, 4)
    features[5] = 3.0
    with torch.no_grad():
        shared, robust = agreement.variances(features, torch.ones(6, 1) > 0, torch.ones(6, 1))
    assert (robust < 0.1 * shared).all()


def test_the_first_guess_is_best_on_the_surface(agreement):
    given = sources()
    maps = true_maps(given, matching=4).matching
    surface = plane_points(TARGET, 8, 8)
    inner = (slice(2, 6), slice(2, 6))
    guesses = {}
    with torch.no_grad():
        for stretch in (0.8, 0.9, 1.0, 1.15, 1.3):
            points = TARGET.centres + stretch * (surface - TARGET.centres)
            _, guess = agreement(points, TARGET, given.cameras, maps, (1.0, 1.0))
            guesses[stretch] = guess.reshape(8, 8)[inner]
    assert (guesses[1.0] > -0.1).all()
    for stretch in (0.8, 0.9, 1.15, 1.3):
        assert (guesses[stretch] < guesses[1.0]).all()


def test_what_fewer_than_two_see_is_as_unlikely_as_an_entire_disagreement(agreement):
    given = sources(2)
    maps = true_maps(given, matching=4).matching
    points = torch.tensor([[0.0, 0.0, 3.0], [0.0, 0.0, -3.0], [0.0, 1.25, 3.0]])
    seen = project_pinhole(points, given.cameras).inside.sum(dim=0)
    assert seen.tolist() == [2, 0, 1]
    with torch.no_grad():
        agreement.trust.fill_(math.log(5.0))
        _, guess = agreement(points, TARGET, given.cameras, maps, (1.0, 1.0))
    assert guess[1:].tolist() == [pytest.approx(-5.0)] * 2
    assert guess[0] > -5.0


def test_numbers_for_the_network_are_variances_and_shares(agreement):
    given = sources(3)
    maps = true_maps(given, matching=4).matching
    points = plane_points(TARGET, 6, 6)
    with torch.no_grad():
        numbers, _ = agreement(points, TARGET, given.cameras, maps, (1.0, 1.0))
        seen = project_pinhole(points, given.cameras)
        cosine = ray_differences(points, TARGET, given.cameras)[..., 3]
        both = agreement.variances(sample_maps(maps, seen.places), seen.inside, cosine)
        count = seen.inside.sum(dim=0)
        shares = torch.stack([count / 3, (count >= 2).float()], dim=1)
        expected = agreement.enter(torch.cat([*both, shares], dim=1))
    torch.testing.assert_close(numbers, expected)
    assert numbers.shape == (36, 6)
    assert (numbers >= 0).all()


def test_photographs_may_cover_a_part_of_their_maps(agreement):
    given, points = sources(3), plane_points(TARGET, 6, 6)
    maps = some(3, 4, 12, 16)
    padded = torch.full((3, 4, 24, 20), 9.0)
    padded[:, :, :12, :16] = maps
    with torch.no_grad():
        plain = agreement(points, TARGET, given.cameras, maps, (1.0, 1.0))[1]
        found = agreement(points, TARGET, given.cameras, padded, (16 / 20, 12 / 24))[1]
    seen = project_pinhole(points, given.cameras)
    inner = ((seen.places > 0.05) & (seen.places < 0.95)).all(dim=2).all(dim=0)
    assert inner.sum() > 10
    torch.testing.assert_close(found[inner], plain[inner])


def test_places_that_nobody_sees_give_finite_numbers_and_gradients(agreement):
    given = sources(2)
    maps = true_maps(given, matching=4).matching.requires_grad_()
    points = torch.tensor([[0.0, 0.0, -3.0], [0.0, 0.0, 3.0]])
    numbers, guess = agreement(points, TARGET, given.cameras, maps, (1.0, 1.0))
    (numbers.sum() + guess.sum()).backward()
    assert maps.grad is not None
    assert maps.grad.isfinite().all()
    for name, parameter in agreement.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_one_source_alone_guesses_nothing(agreement):
    cameras = views_at([(0.0, 0.0, 0.0)])
    points = plane_points(TARGET, 4, 4)
    with torch.no_grad():
        _, guess = agreement(points, TARGET, cameras, some(1, 4, 12, 16), (1.0, 1.0))
    assert (guess == -1.0).all()


def test_points_at_a_time_do_not_matter(agreement, monkeypatch):
    given = sources(3)
    maps = some(3, 4, 12, 16)
    points = plane_points(TARGET, 5, 6) + 0.1 * some(30, 3, seed=1)
    arguments = (TARGET, given.cameras, maps, (1.0, 1.0))
    expected = agreement(points, *arguments)
    monkeypatch.setattr(source_agreement, "AT_ONCE", 7)
    for found, whole in zip(agreement(points, *arguments), expected, strict=True):
        torch.testing.assert_close(found, whole)
