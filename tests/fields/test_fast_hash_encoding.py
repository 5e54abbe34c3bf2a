"""The fast hash grid against the host's own."""

import copy

import pytest
import torch
from nerfstudio.field_components.encodings import HashEncoding
from torch import nn

from condense_ns.fields.fast_hash_encoding import (
    FastHashEncoding,
    scatter_rows,
    speed_up_hash_grids,
)


def both_grids(features: int = 2, log2_size: int = 8) -> tuple[HashEncoding, HashEncoding]:
    """The host's grid and ours with the same table."""
    host = HashEncoding(
        num_levels=4,
        min_res=4,
        max_res=300,
        log2_hashmap_size=log2_size,
        features_per_level=features,
        implementation="torch",
    )
    nn.init.normal_(host.hash_table)
    ours = copy.deepcopy(host)
    speed_up_hash_grids(ours)
    return host, ours


@pytest.mark.parametrize("features", [2, 4])
@pytest.mark.parametrize("log2_size", [8, 19])
def test_values_and_gradients_are_the_hosts(features: int, log2_size: int):
    host, ours = both_grids(features, log2_size)
    positions = torch.rand(5, 50, 3)
    positions[0, :3] = torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.25, 0.5, 0.75]])
    answers, gradients = [], []
    for grid in (host, ours):
        points = positions.clone().requires_grad_()
        answer = grid(points)
        (answer * torch.arange(answer.shape[-1])).sum().backward()
        answers.append(answer)
        assert grid.hash_table.grad is not None
        assert points.grad is not None
        gradients.append((grid.hash_table.grad, points.grad))
    assert torch.allclose(*answers, atol=1e-5)
    assert torch.allclose(gradients[0][0], gradients[1][0], atol=1e-4)
    of_points = gradients[0][1][1:], gradients[1][1][1:]
    assert torch.allclose(*of_points, rtol=1e-3, atol=1e-2)


def test_parameters_and_checkpoints_stay_those_of_the_host():
    host, ours = both_grids()
    assert isinstance(ours, FastHashEncoding)
    assert ours.state_dict().keys() == host.state_dict().keys()
    ours.load_state_dict(host.state_dict())


def test_grids_of_one_feature_are_left_alone():
    _, ours = both_grids(features=1)
    assert type(ours) is HashEncoding


def test_grids_inside_a_model_are_found():
    host, _ = both_grids()
    model = nn.Sequential(host, nn.Linear(8, 2))
    speed_up_hash_grids(model)
    assert isinstance(model[0], FastHashEncoding)


def test_no_positions_give_no_features():
    _, ours = both_grids()
    assert ours(torch.zeros(0, 3)).shape == (0, 8)


def test_scatter_rows_by_hand():
    grad = torch.tensor([[1.0, 10.0], [2.0, 20.0]])
    rows = torch.zeros(2, 8, dtype=torch.int32)
    rows[1, 4:] = 2
    weights = torch.ones(2, 8)
    expected = [[8.0 + 8.0, 80.0 + 80.0], [0.0, 0.0], [8.0, 80.0]]
    assert scatter_rows(grad, rows, weights, 3).tolist() == expected
