"""Bilinear lookup: exact on ramps, constant beyond the border, equal to torch's grid_sample."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.interpolation import (
    bilinear_cells,
    map_cells,
    on_grid,
    sample_cells,
    sample_map,
    sample_maps,
)


def test_weights_of_one_query_by_hand():
    cells, weights = bilinear_cells(torch.tensor([[2.25, 1.0]]), rows=4, columns=5)
    assert cells.tolist() == [[1, 2, 6, 7]]  # columns 1 and 2 of rows 0 and 1
    assert weights.tolist() == [[0.125, 0.375, 0.125, 0.375]]


def test_a_linear_ramp_is_reproduced_between_the_centres():
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(9.0), indexing="ij")
    ramp = torch.stack([columns + 0.5, rows + 0.5, 2 * columns - 3 * rows], dim=-1)
    size = (60, 90)  # ten pixels per cell
    pixels = torch.rand(100, 2, generator=torch.Generator().manual_seed(0))
    pixels = 5 + pixels * torch.tensor([80.0, 50.0])
    found = sample_map(ramp, pixels, size)
    assert torch.allclose(found[:, :2], pixels / 10, atol=1e-5)
    expected = 2 * (pixels[:, 0] / 10 - 0.5) - 3 * (pixels[:, 1] / 10 - 0.5)
    assert torch.allclose(found[:, 2], expected, atol=1e-4)


def test_beyond_the_outermost_centres_the_map_is_constant():
    corners = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])
    pixels = [[0.0, 0.0], [-50.0, 2.0], [8.0, 0.0], [1e6, -1e6], [0.0, 8.0], [8.0, 8.0], [9, 1e6]]
    found = sample_map(corners, torch.tensor(pixels), (8, 8)).flatten()
    assert found.tolist() == [1, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize("grid", [(7, 5), (1, 6), (1, 1)])
def test_agrees_with_grid_sample(grid):
    generator = torch.Generator().manual_seed(0)
    feature_map = torch.randn(*grid, 4, generator=generator)
    height, width = 54, 98
    pixels = torch.rand(300, 2, generator=generator) * 140 - 20
    unit = 2 * pixels / torch.tensor([width, height]) - 1
    expected = F.grid_sample(
        feature_map.permute(2, 0, 1)[None],
        unit[None, None],
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    found = sample_map(feature_map, pixels, (height, width))
    assert torch.allclose(found, expected[0, :, 0].T, atol=1e-4)


def test_each_query_may_have_a_grid_of_its_own():
    generator = torch.Generator().manual_seed(0)
    rows, columns = torch.tensor([1, 4, 9, 2]), torch.tensor([7, 1, 3, 2])
    places = torch.rand(4, 2, generator=generator) * 8
    cells, weights = bilinear_cells(places, rows, columns)
    for query in range(4):
        grid = int(rows[query]), int(columns[query])
        alone = bilinear_cells(places[query : query + 1], *grid)
        assert torch.equal(cells[query], alone[0][0])
        assert torch.equal(weights[query], alone[1][0])
    assert torch.allclose(weights.sum(dim=1), torch.ones(4))
    assert ((cells >= 0) & (cells < (rows * columns)[:, None])).all()


def some_maps(views=3, rows=4, columns=6, channels=5):
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(views, rows, columns, channels, generator=generator)
    places = 1.4 * torch.rand(views, 50, 2, generator=generator) - 0.2  # some beyond the border
    return maps, places


@pytest.mark.parametrize("grid", [(4, 6), (1, 6), (1, 1)])
def test_lookups_in_several_maps_agree_with_those_in_one_after_the_other(grid):
    maps, places = some_maps(rows=grid[0], columns=grid[1])
    expected = torch.stack(
        [sample_map(one, at, (1, 1)) for one, at in zip(maps, places, strict=True)]
    )
    first = sample_maps(maps.permute(0, 3, 1, 2), places)
    torch.testing.assert_close(first, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(sample_cells(maps, places), expected, atol=1e-5, rtol=1e-5)
    cells, weights = map_cells(places, *grid)
    gathered = (maps.flatten(0, 2)[cells] * weights[..., None]).sum(dim=2)
    torch.testing.assert_close(gathered, expected, atol=1e-5, rtol=1e-5)


def test_cells_of_the_second_map_come_after_those_of_the_first():
    places = torch.tensor([[[0.5, 0.5]], [[0.0, 1.0]]])
    cells, weights = map_cells(places, 2, 3)
    assert cells[1].tolist() == [[9, 10, 9, 10]]  # the last row of the second map of 2 x 3 cells
    assert weights[1].sum() == 1.0
    assert set(cells[0, 0].tolist()) <= {1, 2, 4, 5}


def test_maps_learn_from_both_lookups_alike():
    maps, places = some_maps()
    first, second = maps.clone().requires_grad_(), maps.clone().requires_grad_()
    sample_maps(first.permute(0, 3, 1, 2), places).square().sum().backward()
    sample_cells(second, places).square().sum().backward()
    assert first.grad is not None
    assert second.grad is not None
    torch.testing.assert_close(first.grad, second.grad, atol=1e-4, rtol=1e-4)


def test_two_cells_over_four_pixels():
    row = torch.tensor([0.0, 1.0]).view(1, 2, 1)
    assert on_grid(row, 1, 4)[0, :, 0].tolist() == [0.0, 0.25, 0.75, 1.0]


@pytest.mark.parametrize("size", [(7, 11), (5, 3), (5, 20), (2, 2)])
def test_pixels_are_where_the_convention_says(size):
    feature_map = torch.rand(5, 3, 4)
    centres = torch.cartesian_prod(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5)
    expected = sample_map(feature_map, centres.flip(-1), size)
    torch.testing.assert_close(on_grid(feature_map, *size).flatten(0, 1), expected)
