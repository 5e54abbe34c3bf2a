"""Surfaces of the sources: carried to the target, and asked about places."""

import math
from dataclasses import replace

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from condense_ns.lifting.source_surfaces import (
    OBJECTION,
    SUPPORT,
    TOLERANCE,
    SourceSurfaces,
    log_support,
)
from tests.lifting.looking_views import (
    HEIGHT,
    PLACES,
    TARGET,
    WIDTH,
    plane_depths,
    surfaces_of,
    views_at,
)

CAMERAS = views_at(PLACES, 0.2)
ROWS, COLUMNS = HEIGHT // 2, WIDTH // 2


def surfaces(rows: int = ROWS, columns: int = COLUMNS) -> SourceSurfaces:
    """The slanted plane as the sources have it."""
    return SourceSurfaces(CAMERAS, surfaces_of(CAMERAS, rows, columns))


def points_at(depth: Float[Tensor, "rows columns"], factor: float = 1.0) -> Tensor:
    places = grid_places(depth.shape[0], depth.shape[1])
    centre, directions = pixel_rays(places, TARGET)
    return centre + factor * depth.reshape(-1, 1) * directions


def test_support_by_hand():
    """One source agrees, one half and sees past, one half and is hidden, one does not know, one does not see."""
    apart = torch.tensor([[0.0], [-TOLERANCE], [TOLERANCE], [-math.inf], [0.0]])
    inside = torch.tensor([[True], [True], [True], [True], [False]])
    expected = (SUPPORT + 0.5 * SUPPORT - 0.5 * OBJECTION + 0.5 * SUPPORT) / 4
    assert log_support(apart, inside).item() == pytest.approx(expected)


def test_what_nobody_sees_has_no_support_and_no_objection():
    apart = torch.tensor([[0.0, -math.inf, -0.5]])
    inside = torch.tensor([[False, True, False]])
    assert log_support(apart, inside).tolist() == [0.0, 0.0, 0.0]


def test_sources_see_past_what_floats_and_not_behind_what_they_see():
    apart = torch.tensor([[-9.0, -0.2, -0.02, 0.0, 0.02, 0.2, 1.0]])
    said = log_support(apart, torch.ones(1, 7, dtype=torch.bool))[:, None].T[0]
    assert said[:2].tolist() == pytest.approx([-OBJECTION] * 2, abs=0.01)
    assert said[-2:].tolist() == pytest.approx([0.0] * 2, abs=0.01)
    assert said.argmax() == 3
    assert said[:4].diff().min() > 0
    assert said[3:].diff().max() < 0


def test_the_surface_has_more_support_than_what_is_before_and_behind_it():
    depth = plane_depths(TARGET.resized(ROWS, COLUMNS))
    found = {
        factor: surfaces().log_support(points_at(depth, factor)).mean()
        for factor in (0.9, 0.98, 1.0, 1.02, 1.1)
    }
    assert max(found, key=lambda factor: found[factor]) == 1.0
    assert found[1.0] > 0.5 * SUPPORT
    assert found[0.9] < -0.8 * OBJECTION


def test_the_order_of_the_sources_does_not_matter():
    points = points_at(plane_depths(TARGET.resized(5, 7)), 0.99)
    given, order = surfaces(), [3, 1, 4, 0, 2]
    other = SourceSurfaces(given.cameras[order], given.depths[order])
    torch.testing.assert_close(other.log_support(points), given.log_support(points))
    carried = given.before(TARGET, 8, 10, (1.0, 1.0))
    assert torch.equal(other.before(TARGET, 8, 10, (1.0, 1.0)), carried[order])


def test_carried_depths_are_those_of_the_plane():
    carried = surfaces(HEIGHT, WIDTH).before(TARGET, ROWS, COLUMNS, (1.0, 1.0))
    expected = plane_depths(TARGET.resized(ROWS, COLUMNS)).expand_as(carried)
    found = carried.isfinite()
    assert found.float().mean() > 0.75  # of the others the sources see nothing
    torch.testing.assert_close(carried[found], expected[found], atol=0, rtol=0.01)


def slowly_before(given: SourceSurfaces, rows: int, columns: int, extent: tuple[float, float]):
    found = torch.full((len(given.depths), rows, columns), math.inf)
    places = grid_places(given.depths.shape[1], given.depths.shape[2])
    for source, depths in enumerate(given.depths):
        centre, directions = pixel_rays(places, given.cameras[[source]])
        for direction, depth in zip(directions, depths.flatten(), strict=True):
            if not depth.isfinite():
                continue
            seen = project_pinhole((centre + depth * direction)[None], TARGET)
            if not seen.inside[0, 0]:
                continue
            x = min(int(seen.places[0, 0, 0] * extent[0] * columns), columns - 1)
            y = min(int(seen.places[0, 0, 1] * extent[1] * rows), rows - 1)
            found[source, y, x] = min(float(found[source, y, x]), float(seen.depths[0, 0]))
    return found


def test_carried_depths_agree_with_a_loop():
    generator = torch.Generator().manual_seed(0)
    depths = 0.5 + 4 * torch.rand(len(CAMERAS), 9, 11, generator=generator)
    depths[torch.rand(depths.shape, generator=generator) < 0.2] = math.inf
    given, extent = SourceSurfaces(CAMERAS, depths), (0.9, 0.8)
    expected = slowly_before(given, 6, 5, extent)
    torch.testing.assert_close(given.before(TARGET, 6, 5, extent), expected)
    assert expected.isinf().any()


def test_sources_that_know_nothing_carry_nothing_and_say_nothing():
    given = surfaces()
    blind = replace(given, depths=torch.full_like(given.depths, math.inf))
    assert blind.before(TARGET, 4, 6, (1.0, 1.0)).isinf().all()
    assert (blind.log_support(points_at(plane_depths(TARGET.resized(5, 7)))) == 0).all()
