"""Planes of cells that are chosen with their neighbours in mind."""

import pytest
import torch

from condense_ns.lifting.semi_global_matching import SLOPE, STEP, semi_global_planes


def step_cost(before: int, after: int) -> float:
    """What it costs that neighbours are on these planes."""
    return {0: 0.0, 1: SLOPE}.get(abs(before - after), STEP)


def slow_path_costs(costs: list[list[float]]) -> list[list[float]]:
    """Costs of the cheapest path to each plane of each step, less the cheapest before it."""
    paths = [costs[0]]
    for here in costs[1:]:
        before = paths[-1]
        paths.append(
            [
                own + min(cost + step_cost(k, d) for k, cost in enumerate(before)) - min(before)
                for d, own in enumerate(here)
            ]
        )
    return paths


def slow_totals(costs: torch.Tensor) -> torch.Tensor:
    """Sum of eight paths to each cell, cell by cell."""
    planes, rows, columns = costs.shape
    total = torch.zeros(planes, rows, columns)
    lines = [[(row, column) for column in range(columns)] for row in range(rows)]
    lines += [[(row, column) for row in range(rows)] for column in range(columns)]
    for way in (1, -1):
        diagonals: dict[int, list[tuple[int, int]]] = {}
        for row in range(rows):
            for column in range(columns):
                diagonals.setdefault(column - way * row, []).append((row, column))
        lines += diagonals.values()
    for line in lines:
        for cells in (line, line[::-1]):
            paths = slow_path_costs([costs[:, row, column].tolist() for row, column in cells])
            for (row, column), path in zip(cells, paths, strict=True):
                total[:, row, column] += torch.tensor(path)
    return total


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 5), (5, 4, 3), (9, 7, 6)])
def test_the_slow_way_chooses_the_same(shape):
    costs = torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)))
    total = slow_totals(costs)
    best = total.argmin(dim=0).clamp(1, shape[0] - 2)
    found = semi_global_planes(costs)
    assert (found - best).abs().max() <= 1
    before, here, after = total.gather(0, torch.stack([best - 1, best, best + 1]))
    bend = (before - 2 * here + after).clamp_min(1e-6)
    expected = best + (0.5 * (before - after) / bend).clamp(-1, 1)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_one_cell_by_hand():
    """Eight times (0.3, 0.1, 0.2): the parabola through them is lowest a sixth of a plane behind the middle."""
    found = semi_global_planes(torch.tensor([0.3, 0.1, 0.2])[:, None, None])
    assert float(found) == pytest.approx(1 + 1 / 6, abs=1e-5)


def test_ends_are_reached_and_never_passed():
    rising = torch.linspace(0, 9, 5)[:, None, None].expand(5, 3, 4)
    assert semi_global_planes(rising).tolist() == [[0.0] * 4] * 3
    assert semi_global_planes(rising.flip(0)).tolist() == [[4.0] * 4] * 3


def flat(rows: int, columns: int, plane: int, planes: int = 9) -> torch.Tensor:
    """Costs that say all cells lie on a plane."""
    costs = torch.ones(planes, rows, columns)
    costs[plane] = 0
    return costs


def test_a_cell_that_knows_nothing_follows_its_neighbours():
    costs = flat(7, 7, 5)
    costs[:, 3, 3] = 0.5
    assert semi_global_planes(costs)[3, 3] == pytest.approx(5, abs=1e-4)


def test_a_lone_voice_is_not_believed_but_a_thing_is():
    lone, thing = flat(9, 9, 6), flat(9, 9, 6)
    lone[:, 4, 4], thing[:, 3:6, 3:6] = 0.9, 1.0
    lone[2, 4, 4], thing[2, 3:6, 3:6] = 0.6, 0.0
    assert semi_global_planes(lone)[4, 4] == pytest.approx(6, abs=1e-4)
    found = semi_global_planes(thing)
    near = found < 4
    assert near[3:6, 3:6].all()
    assert int(near.sum()) == 9  # and it ends where it ends


@pytest.mark.parametrize("turned", [(1,), (2,), (1, 2)])
def test_mirrored_costs_give_mirrored_planes(turned):
    costs = torch.rand(6, 8, 5, generator=torch.Generator().manual_seed(3))
    mirrored = semi_global_planes(costs.flip(turned)).flip([axis - 1 for axis in turned])
    torch.testing.assert_close(mirrored, semi_global_planes(costs), atol=1e-3, rtol=0)


def test_what_all_planes_cost_does_not_matter():
    costs = torch.rand(6, 8, 5, generator=torch.Generator().manual_seed(4))
    more = costs + torch.rand(8, 5, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(
        semi_global_planes(more), semi_global_planes(costs), atol=1e-3, rtol=0
    )


def test_costs_that_are_all_alike_are_no_trouble():
    found = semi_global_planes(torch.full((4, 3, 3), 0.8))
    assert found.isfinite().all()
    assert ((found >= 0) & (found <= 3)).all()
