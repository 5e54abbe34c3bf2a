"""Bilinear lookup: exact on ramps, constant beyond the border, equal to torch's grid_sample."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.interpolation import bilinear_cells, sample_map


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
