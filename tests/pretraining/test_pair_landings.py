"""Where surfaces of one view land in the next."""

import torch

from condense_ns.geometry.pinhole import grid_places, project_pinhole
from condense_ns.pretraining.pair_landings import pair_landings
from condense_ns.pretraining.seen_cells import seen_cells, stacked_cells
from tests.geometry.looking import around
from tests.pretraining.made_up_example import VIEWS, cube, seen


def test_landings_are_projections_into_the_next_view():
    cells = seen(cube(), 9, 12)
    landings = pair_landings(cells, VIEWS)
    for view in range(3):
        following = VIEWS[[(view + 1) % 3]]
        expected = project_pinhole(cells.points[view], following)
        shared = landings.shared[view]
        assert shared.sum() > 5
        torch.testing.assert_close(landings.places[view][shared], expected.places[0][shared])
        assert expected.inside[0][shared].all()


def test_what_the_other_view_does_not_see_is_left_out():
    volume, views = cube(), around([0.0, 180.0])
    cells = stacked_cells([seen_cells(volume, views[[view]], 9, 12) for view in range(2)])
    assert cells.visible.any()
    assert not pair_landings(cells, views).shared.any()


def test_a_view_lands_in_itself():
    volume, views = cube(), around([0.0, 0.0])
    cells = stacked_cells([seen_cells(volume, views[[view]], 9, 12) for view in range(2)])
    landings = pair_landings(cells, views)
    assert torch.equal(landings.shared, cells.visible)
    own = grid_places(9, 12).expand_as(landings.places)
    torch.testing.assert_close(
        landings.places[cells.visible], own[cells.visible], atol=1e-4, rtol=0
    )
