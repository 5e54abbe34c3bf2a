"""What sources say of points: true colours on true surfaces, and who has a say."""

import math
from dataclasses import replace

import pytest
import torch

from condense_ns.geometry.epipolar import nearest_surface
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.lifting.source_features import GUIDING, SourceMaps
from condense_ns.lifting.view_aggregator import (
    RESIDUAL,
    WIDTH,
    SeenPoints,
    ViewAggregator,
    constant_layer,
    seen_points,
)
from condense_ns.lifting.view_pooling import LEAST_LOGIT
from tests.lifting.looking_views import TARGET, plane_depths, sources, texture


@pytest.fixture(scope="module")
def aggregator() -> ViewAggregator:
    """Random weights, and none of them zero."""
    torch.manual_seed(0)
    aggregator = ViewAggregator().requires_grad_(False)
    for parameter in aggregator.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    return aggregator


def some_seen(count=4, points=30, seed=0):
    """Points that each source sees with probability 3/4, the last one by none."""
    generator = torch.Generator().manual_seed(seed)
    inside = torch.rand(count, points, generator=generator) < 0.75
    inside[:, -1] = False
    directions = torch.randn(count, points, 4, generator=generator)
    directions[..., 3] = 1 - 0.05 * torch.rand(count, points, generator=generator)
    return SeenPoints(
        torch.rand(count, points, 2, generator=generator),
        inside,
        torch.rand(count, points, 3 + GUIDING, generator=generator),
        directions,
        0.1 * torch.rand(count, points, generator=generator),
    )


def picked(seen: SeenPoints, order: list[int]) -> SeenPoints:
    return SeenPoints(
        seen.places[order],
        seen.inside[order],
        seen.looks[order],
        seen.directions[order],
        seen.behind[order],
    )


def plain_maps(given):
    guiding = torch.arange(float(GUIDING))[:, None, None].expand(len(given), GUIDING, 24, 32)
    return SourceMaps(given.images, torch.zeros(len(given), 1, 12, 16), guiding, (1.0, 1.0))


def target_points(stretched=1.0):
    """Points on the plane, or before or behind it, where the target's rays meet it."""
    small = TARGET.resized(24, 32)
    centre, directions = pixel_rays(grid_places(24, 32), TARGET)
    return centre + stretched * plane_depths(small).reshape(-1, 1) * directions


def test_on_the_surface_all_sources_see_the_surface_s_own_colour():
    given = sources()
    surface = target_points()
    nearest = nearest_surface(surface, given.cameras, 24, 32)
    seen = seen_points(
        surface, TARGET, given.cameras, plain_maps(given), nearest, torch.ones(len(given), 3)
    )
    apart = (seen.looks[..., :3] - texture(surface))[seen.inside].abs()
    assert apart.mean() < 0.02
    guiding = seen.looks[..., 3:][seen.inside]
    torch.testing.assert_close(guiding, torch.arange(float(GUIDING)).expand_as(guiding))
    assert (seen.hidden < 0.03).all()
    assert seen.inside.float().mean() > 0.8


def test_behind_the_surface_points_are_hidden_by_how_far_they_lie_behind():
    given = sources()
    nearest = nearest_surface(target_points(), given.cameras, 24, 32)
    behind = seen_points(
        target_points(1.25),
        TARGET,
        given.cameras,
        plain_maps(given),
        nearest,
        torch.ones(len(given), 3),
    )
    covered = behind.hidden[behind.inside & (behind.hidden > 0)]
    assert covered.median().item() == pytest.approx(0.2, abs=0.03)  # a fifth of their depth


def test_one_of_two_colours_by_hand():
    """Untrained, looks count alike; a tenth of degrees of cosine and what hides points decide."""
    aggregator = ViewAggregator().requires_grad_(False)
    aggregator.visibility.weight.zero_()
    looks = torch.zeros(2, 1, 3 + GUIDING)
    looks[0, 0, :3], looks[1, 0, :3] = torch.tensor([1.0, 0, 0]), torch.tensor([0, 0, 1.0])
    directions = torch.tensor([[[0, 0, 0, 1.0]], [[1.0, 0, 0, 0.99]]])
    hidden = torch.tensor([[0.01], [0.0]])
    everywhere = torch.full((2, 1, 2), 0.5)
    seen = SeenPoints(everywhere, torch.ones(2, 1) > 0, looks, directions, hidden)
    said = aggregator(seen)
    apart = 0.01 * math.exp(4.5) - 0.01 * math.exp(3.0)
    share = 1 / (1 + math.exp(-apart))
    assert said.colours[0].tolist() == pytest.approx([share, 0, 1 - share], abs=1e-5)
    assert said.thickness.tolist() == [0.0]
    lead = said.visibility[1, 0] - said.visibility[0, 0]
    assert lead.item() == pytest.approx(0.01 * math.exp(3.0), abs=1e-5)


def slow_colours(aggregator, seen):
    """The sources that see a point, one point after the other."""
    everything = aggregator(seen)
    found = torch.zeros(seen.places.shape[1], 3)
    for point in range(len(found)):
        logits, colours = [], []
        for source in range(len(seen.places)):
            if not seen.inside[source, point]:
                continue
            hints, direction = everything.hints[source, point], seen.directions[source, point]
            directed = aggregator.colour(torch.cat([hints, direction]))[0]
            logit = aggregator.visibility(hints)[0] + directed
            logit += aggregator.closeness.exp() * (direction[3] - 1)
            logit -= aggregator.occlusion.exp() * seen.hidden[source, point]
            logits.append(logit)
            colours.append(seen.looks[source, point, :3])
        if logits:
            weights = torch.stack(logits).softmax(dim=0)
            found[point] = (weights[:, None] * torch.stack(colours)).sum(dim=0)
    return found


def test_colours_agree_with_a_loop_over_those_who_see(aggregator):
    seen = some_seen()
    said = aggregator(seen)
    torch.testing.assert_close(said.colours, slow_colours(aggregator, seen), atol=1e-5, rtol=1e-4)


def test_disagreement_is_the_variance_of_those_who_see(aggregator):
    seen = some_seen()
    said = aggregator(seen)
    apart = (seen.looks[..., :3] - said.colours).square().mean(dim=2)
    expected = (said.colour_weights * apart).sum(dim=0)
    several = seen.inside.sum(dim=0) > 1
    torch.testing.assert_close(said.disagreement[several], expected[several], atol=1e-5, rtol=1e-4)
    assert (said.disagreement[~several] == 1).all()
    assert 0 < int(several.sum()) < len(several)


def test_colours_lie_between_those_of_the_sources(aggregator):
    seen = some_seen(6, 100)
    said = aggregator(seen)
    shown = seen.looks[..., :3]
    mask = seen.inside[..., None]
    seen_any = seen.inside.any(dim=0)
    lowest = torch.where(mask, shown, 2.0).amin(dim=0)[seen_any]
    highest = torch.where(mask, shown, -1.0).amax(dim=0)[seen_any]
    assert (said.colours[seen_any] >= lowest - 1e-5).all()
    assert (said.colours[seen_any] <= highest + 1e-5).all()


def test_sources_that_do_not_see_a_point_change_nothing(aggregator):
    seen = some_seen()
    blind = replace(
        seen,
        looks=torch.where(seen.inside[..., None], seen.looks, 7.0),
        behind=torch.where(seen.inside, seen.behind, 0.9),
    )
    first, second = aggregator(seen), aggregator(blind)
    torch.testing.assert_close(first.colours, second.colours)
    torch.testing.assert_close(first.thickness, second.thickness)
    assert (first.visibility[~seen.inside] == LEAST_LOGIT).all()
    assert (first.visibility[seen.inside] > LEAST_LOGIT / 2).all()


def test_one_that_sees_is_enough_and_none_gives_finite_nonsense(aggregator):
    seen = some_seen(1)
    said = aggregator(seen)
    alone = seen.inside[0]
    torch.testing.assert_close(said.colours[alone], seen.looks[0, alone, :3])
    for values in (said.thickness, said.colours, said.hints, said.visibility):
        assert values.isfinite().all()
    assert (said.colours[~alone] == 0).all()


def test_the_order_of_the_sources_does_not_matter(aggregator):
    seen, order = some_seen(), [2, 0, 3, 1]
    first, second = aggregator(seen), aggregator(picked(seen, order))
    torch.testing.assert_close(second.colours, first.colours, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(second.thickness, first.thickness, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(second.hints, first.hints[order], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(second.visibility, first.visibility[order], atol=1e-4, rtol=1e-4)


def test_what_hides_a_point_does_not_depend_on_the_side_that_the_target_looks_from(aggregator):
    seen = some_seen()
    turned = seen.directions.clone()
    turned[..., :3] *= -1
    first, second = aggregator(seen), aggregator(replace(seen, directions=turned))
    assert torch.equal(first.visibility, second.visibility)
    assert torch.equal(first.hints, second.hints)
    assert not torch.equal(first.colours, second.colours)


def test_thickness_is_bounded(aggregator):
    loud = replace(some_seen(), looks=1e4 * some_seen().looks)
    assert (aggregator(loud).thickness.abs() <= RESIDUAL).all()


def test_every_part_learns():
    torch.manual_seed(0)
    aggregator = ViewAggregator()
    with torch.no_grad():
        for parameter in aggregator.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    said = aggregator(some_seen())
    parts = [said.thickness, said.colours, said.hints, said.visibility]
    torch.stack([part.sin().sum() for part in parts]).sum().backward()
    for name, parameter in aggregator.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # One number more for every source is no other share.
        assert parameter.grad.any() or name == "colour.2.bias", name


def test_how_much_surfaces_hide_by_hand():
    behind = torch.tensor([[-torch.inf, -0.2, 0.0, 0.1, 0.4, 0.9]])
    places, directions = torch.zeros(1, 6, 2), torch.zeros(1, 6, 4)
    for certainty, expected in ((1.0, [0, 0, 0, 0.1, 0.4, 0.9]), (2.0, [0, 0, 0, 0.2, 0.8, 1])):
        seen = SeenPoints(places, behind > 0, places, directions, behind, certainty)
        assert seen.hidden[0].tolist() == pytest.approx(expected)


def test_a_constant_layer_says_the_same_of_everything():
    layer = constant_layer(WIDTH, -2.0)
    assert layer(torch.randn(9, WIDTH)).tolist() == [[-2.0]] * 9
