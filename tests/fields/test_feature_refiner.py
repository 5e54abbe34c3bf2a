"""The 2D branch begins as the encoder itself and looks at surroundings."""

import torch

from condense_ns.fields.feature_refiner import FeatureRefiner


def maps(rows=6, columns=9) -> torch.Tensor:
    return torch.randn(2, rows, columns, 5, generator=torch.Generator().manual_seed(0))


def test_before_training_nothing_changes_but_it_can_learn():
    refiner = FeatureRefiner(5, width=8)
    found = refiner(maps())
    assert torch.equal(found, maps())
    found.square().sum().backward()
    last = refiner.net[-1]
    assert isinstance(last, torch.nn.Linear)
    assert last.weight.grad is not None
    assert last.weight.grad.abs().sum() > 0


def test_what_is_added_depends_on_the_surroundings_of_a_cell_alone():
    refiner = FeatureRefiner(5, width=8)
    last = refiner.net[-1]
    assert isinstance(last, torch.nn.Linear)
    torch.nn.init.normal_(last.weight)
    given = maps(21, 21).double()
    changed = given.clone()
    changed[:, 10, 10] += 1.0
    refiner.double()
    moved = (refiner(changed) - refiner(given)).abs().amax(dim=3)[0] > 1e-12
    assert moved[10, 10]
    assert moved[10, 18]
    assert moved.nonzero().sub(10).abs().max() == 8


def test_a_map_of_one_cell_is_refined():
    assert FeatureRefiner(5, width=8)(maps(1, 1)).shape == (2, 1, 1, 5)
