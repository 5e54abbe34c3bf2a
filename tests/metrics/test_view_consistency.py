"""Do two views say the same of the same point (methods.md 7.2)?"""

import pytest
import torch

from condense_ns.metrics.view_consistency import Landings, view_consistency

ROWS, COLUMNS, CHANNELS = 4, 5, 32


def generator():
    return torch.Generator().manual_seed(0)


def distinct_map():
    return torch.randn(ROWS, COLUMNS, CHANNELS, generator=generator())


def centres(cells):
    return torch.stack([cells % COLUMNS, cells // COLUMNS], dim=-1) + 0.5


def consistency(map_a, map_b, shift=(0.0, 0.0), at_b=None):
    """Cells of a land at the same cells of b, moved by `shift` cells."""
    cells = torch.arange(ROWS * COLUMNS)
    landings = Landings(cells, centres(cells) + torch.tensor(shift))
    at_b = map_b.flatten(0, 1) if at_b is None else at_b
    mean = torch.zeros(map_a.shape[-1])
    return view_consistency(map_a, map_b, at_b, landings, mean, generator())


def test_two_cells_by_hand():
    map_a = torch.tensor([[[2.0, 1.0], [1.0, 2.0]]])  # centred (1, 0) and (0, 1)
    map_b = torch.tensor([[[1.0, 2.0], [2.0, 1.0]]])  # the other way round
    landings = Landings(torch.tensor([0, 1]), torch.tensor([[0.5, 0.5], [1.5, 0.5]]))
    at_b = map_b.flatten(0, 1)
    found = view_consistency(map_a, map_b, at_b, landings, torch.ones(2), generator())
    assert found["mvc"] == 0.0
    assert found["corr1"] == 1.0  # the best match is the neighbour, one cell away
    assert found["margin"] == found["mvc"] - found["rnd"]
    swapped = view_consistency(map_a, map_b, at_b.flip(0), landings, torch.ones(2), generator())
    assert swapped["mvc"] == pytest.approx(1.0)


def test_a_perfect_map_gets_corr1_one_and_a_margin():
    found = consistency(distinct_map(), distinct_map())
    assert found["mvc"] == pytest.approx(1.0)
    assert found["corr1"] == 1.0
    assert found["margin"] > 0.5


def test_a_constant_map_has_perfect_consistency_but_no_margin():
    constant = torch.ones(ROWS, COLUMNS, CHANNELS)
    found = consistency(constant, constant)
    assert found["mvc"] == pytest.approx(1.0)
    assert found["margin"] == pytest.approx(0.0, abs=1e-6)
    assert found["corr1"] < 0.5


def test_a_match_counts_up_to_one_cell_away():
    found = [consistency(distinct_map(), distinct_map(), (x, 0.0))["corr1"] for x in (0.99, 1.01)]
    assert found == [1.0, 0.0]
    assert consistency(distinct_map(), distinct_map(), (0.8, 0.8))["corr1"] == 0.0


def test_views_may_differ_in_size_and_share_only_some_cells():
    map_a = distinct_map()
    map_b = torch.cat([map_a, torch.zeros(ROWS, 2, CHANNELS)], dim=1)  # wider
    cells = torch.tensor([3, 7, 19])
    at_b = map_a.flatten(0, 1)[cells]
    landings = Landings(cells, centres(cells))
    found = view_consistency(map_a, map_b, at_b, landings, torch.zeros(CHANNELS), generator())
    assert found["corr1"] == 1.0
    assert found["mvc"] == pytest.approx(1.0)


def test_one_shared_point_gives_numbers():
    map_a, cells = distinct_map(), torch.tensor([4])
    at_b = map_a.flatten(0, 1)[cells]
    landings = Landings(cells, centres(cells))
    found = view_consistency(map_a, map_a, at_b, landings, torch.zeros(CHANNELS), generator())
    assert found["margin"] == 0.0
    assert found["corr1"] == 1.0
