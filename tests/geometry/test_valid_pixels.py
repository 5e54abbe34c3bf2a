"""Pixels that count: of places, of other pixels, of cells; and in views."""

from dataclasses import replace

import torch

from condense_ns.geometry.pinhole import grid_places, pixel_rays, project_pinhole
from condense_ns.geometry.plane_sweep_depth import nearest_depth, sweep_depth
from condense_ns.geometry.source_views import SourceViews
from condense_ns.geometry.valid_pixels import (
    filled,
    telling_cells,
    valid_at,
    valid_share,
    whole_cells,
)
from tests.geometry.looking import around

BY_HAND = torch.tensor([[[1, 1, 0, 0], [1, 1, 1, 0]]], dtype=torch.bool)


def test_places_lie_in_the_pixel_around_them():
    places = torch.tensor([[[0.1, 0.1], [0.6, 0.4], [0.6, 0.6], [0.99, 0.99], [1.0, 0.0]]])
    assert valid_at(BY_HAND, places).tolist() == [[True, False, True, False, False]]


def test_beyond_the_border_the_border_is_asked():
    places = torch.tensor([[[-5.0, 0.3], [7.0, 0.3], [0.6, 9.0]]])
    assert valid_at(BY_HAND, places).tolist() == [[True, False, True]]


def test_cells_by_hand():
    assert valid_share(BY_HAND, 1, 2).tolist() == [[[1.0, 0.25]]]
    assert whole_cells(BY_HAND, 1, 2).tolist() == [[[True, False]]]
    assert telling_cells(BY_HAND, 1, 2).tolist() == [[[True, False]]]
    assert telling_cells(BY_HAND, 2, 2).tolist() == [
        [[True, False], [True, True]]
    ]  # half is enough
    assert whole_cells(BY_HAND, 2, 2).tolist() == [[[True, False], [True, False]]]


def test_on_its_own_pixels_and_on_finer_ones_a_mask_stays():
    assert torch.equal(whole_cells(BY_HAND, 2, 4), BY_HAND)
    finer = BY_HAND.repeat_interleave(3, dim=1).repeat_interleave(3, dim=2)
    assert torch.equal(whole_cells(BY_HAND, 6, 12), finer)
    assert torch.equal(telling_cells(BY_HAND, 6, 12), finer)


def half_masked():
    """Two views, of the first of which the left half counts."""
    views = around([0.0, 10.0])
    valid = torch.ones(2, views.height, views.width, dtype=torch.bool)
    valid[0, :, views.width // 2 :] = False
    return replace(views, valid=valid)


def test_what_is_masked_is_as_if_beyond_the_border():
    views = half_masked()
    places = grid_places(6, 8)
    centre, directions = pixel_rays(places, views[[0]])
    found = project_pinhole(centre + 2 * directions, views)
    plain = project_pinhole(centre + 2 * directions, replace(views, valid=None))
    assert torch.equal(found.places, plain.places)
    assert torch.equal(found.inside[0], places[:, 0] < 0.5)
    assert torch.equal(found.inside[1], plain.inside[1])


def test_views_take_what_counts_along():
    views = half_masked()
    assert views.valid is not None
    second = views[[1]]
    assert second.valid is not None
    assert bool(second.valid.all())
    small = views.resized(3, 5)
    assert small.valid is not None
    assert small.valid[0].tolist() == [[True, True, False, False, False]] * 3
    part = views.window(2, 4, 6, 8)
    assert (part.height, part.width) == (6, 8)
    assert part.valid is not None
    assert torch.equal(part.valid, views.valid[:, 2:8, 4:12])
    assert views.to("cpu").valid is not None
    places = grid_places(6, 8)
    size = torch.tensor([views.width, views.height])
    whole = (places * torch.tensor([8, 6]) + torch.tensor([4, 2])) / size
    for one, other in zip(pixel_rays(places, part), pixel_rays(whole, views), strict=True):
        torch.testing.assert_close(one, other)


def test_a_sweep_is_not_sure_of_what_is_masked():
    views = half_masked()
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, views.height, views.width, generator=generator)
    sources = SourceViews(views, images)[1:]
    plain = sweep_depth(images[0], replace(views, valid=None)[[0]], sources)
    found = sweep_depth(images[0], views[[0]], sources)
    middle = views.width // 2
    assert torch.equal(found.confidence[:, :middle], plain.confidence[:, :middle])
    assert plain.confidence[:, middle:].any()
    assert not found.confidence[:, middle:].any()


def test_masks_do_not_bring_a_scene_nearer():
    views = half_masked()
    none = replace(views, valid=torch.zeros(2, views.height, views.width, dtype=torch.bool))
    expected = nearest_depth(views[[1]], replace(views, valid=None)[[0]])
    assert nearest_depth(views[[1]], none[[0]]) == expected is not None


def test_what_does_not_count_gets_the_nearest_colour_that_does():
    image = torch.arange(8.0).reshape(1, 2, 4).repeat(3, 1, 1) / 8
    found = filled(image, BY_HAND[0])
    assert (8 * found[0]).tolist() == [[0, 1, 8 * found[0, 0, 2], 6], [4, 5, 6, 6]]
    assert 8 * found[0, 0, 2] in (1, 6)  # which are as near
    spoilt = torch.where(BY_HAND[0], image, torch.nan)
    assert torch.equal(filled(spoilt, BY_HAND[0]), found)
    assert filled(image, torch.ones_like(BY_HAND[0])) is image


def test_where_nothing_counts_all_is_grey():
    found = filled(torch.rand(3, 2, 4), torch.zeros(2, 4, dtype=torch.bool))
    assert torch.equal(found, torch.full((3, 2, 4), 0.5))
