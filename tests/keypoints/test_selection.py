"""Suppression one by one, and covering by plain recomputation."""

import pytest
import torch

from condense_ns.keypoints.selection import CELLS, covering, suppress, view_cells


def points(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    xyz = torch.rand(count, 3, generator=generator, dtype=torch.float64)
    return xyz, torch.randint(0, 6, (count,), generator=generator) / 6.0


def one_by_one(xyz, scores, radius):
    order = sorted(range(len(xyz)), key=lambda n: (-float(scores[n]), *xyz[n].tolist()))
    kept = []
    for number in order:
        if all((xyz[number] - xyz[other]).norm() > radius for other in kept):
            kept.append(number)
    return sorted(kept)


@pytest.mark.parametrize("radius", [0.05, 0.2, 0.6, 5.0])
def test_suppression_keeps_what_going_through_one_by_one_keeps(radius):
    for seed in range(3):
        xyz, scores = points(150, seed)
        kept = suppress(xyz, scores, radius)
        assert torch.nonzero(kept)[:, 0].tolist() == one_by_one(xyz, scores, radius)


def test_a_suppressed_point_suppresses_no_other():
    xyz = torch.tensor([[0.0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]]).double()
    assert suppress(xyz, torch.tensor([0.9, 0.8, 0.7, 0.6]), 1.5).tolist() == [True, False] * 2


def test_suppression_does_not_depend_on_the_order_of_the_points():
    xyz, scores = points(200, seed=4)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(5))
    kept = suppress(xyz, scores, 0.2)
    assert torch.equal(suppress(xyz[order], scores[order], 0.2), kept[order])


@pytest.mark.parametrize("radius", [0.0, 1e-9])
def test_without_a_radius_all_points_remain(radius):
    assert suppress(*points(20), radius).all()
    assert suppress(*points(0), radius).shape == (0,)
    assert suppress(*points(0), 1.0).shape == (0,)


def test_cells_by_hand():
    rows, columns = CELLS
    places = torch.tensor([[0.0, 0.0], [0.99, 0.0], [0.3, 0.5], [1.0, 1.0], [-0.1, 2.0]])
    cells = view_cells(torch.tensor([0, 0, 0, 0, 2]), places)
    last = rows * columns - 1
    expected = [0, columns - 1, columns + 1, last, 2 * rows * columns + (rows - 1) * columns]
    assert cells.tolist() == expected


def observations(count=200, of=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randint(0, of, (count,), generator=generator)
    cells = torch.randint(0, 15, (count,), generator=generator)
    weights = torch.rand(count, generator=generator)
    return numbers, cells, weights, torch.rand(of, generator=generator)


def gain(point, taken, numbers, cells, weights, quality):
    """What a point adds, word by word."""
    here = numbers == point
    total = 0.0
    for cell, weight in zip(cells[here].tolist(), weights[here].double().tolist(), strict=True):
        filled = sum(
            float(weights[n])
            for n in range(len(numbers))
            if int(cells[n]) == cell and int(numbers[n]) in taken
        )
        total += weight / (1.0 + filled)
    return float(quality[point]) * total


def test_each_point_that_is_taken_adds_most_as_recomputed_from_scratch():
    given = observations()
    order = covering(*given, 40).tolist()
    assert sorted(order) == list(range(40))
    for step, point in enumerate(order):
        gains = {p: gain(p, order[:step], *given) for p in order[step:]}
        assert gains[point] == pytest.approx(max(gains.values()), abs=1e-9)


def test_fewer_points_are_the_beginning_of_more():
    given = observations(seed=1)
    order = covering(*given, 40)
    for count in (0, 1, 13, 39):
        assert torch.equal(covering(*given, count), order[:count])
    assert torch.equal(covering(*given, 1000), order)


def test_covering_does_not_depend_on_the_order_of_the_observations():
    numbers, cells, weights, quality = observations(seed=2)
    shuffled = torch.randperm(len(numbers), generator=torch.Generator().manual_seed(3))
    given = numbers[shuffled], cells[shuffled], weights[shuffled], quality
    order = covering(numbers, cells, weights, quality, 40)
    assert torch.equal(covering(*given, 40), order)


def test_a_second_point_in_a_cell_counts_less_than_a_first_in_another():
    numbers, cells = torch.tensor([0, 1, 2]), torch.tensor([7, 7, 3])
    order = covering(numbers, cells, torch.tensor([1.0, 0.9, 0.6]), torch.ones(3), 3)
    assert order.tolist() == [0, 2, 1]


def test_points_that_nobody_sees_come_last_and_nothing_is_taken_of_nothing():
    order = covering(torch.tensor([2]), torch.tensor([0]), torch.ones(1), torch.ones(3), 3)
    assert order.tolist() == [2, 0, 1]
    nothing = torch.zeros(0, dtype=torch.long)
    assert covering(nothing, nothing, torch.zeros(0), torch.ones(2), 2).tolist() == [0, 1]
    assert covering(nothing, nothing, torch.zeros(0), torch.zeros(0), 5).shape == (0,)
