"""Checkpoints of trainings that a command runs by itself."""

from pathlib import Path

import pytest
import torch
from torch import nn

from condense_ns.errors import UserError
from condense_ns.resumable_training import load_training, save_training

ORIGIN = {"rate": 0.1, "seed": 0}


@pytest.fixture
def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def test_parts_and_numbers_come_back(layer: nn.Linear, tmp_path: Path):
    save_training(tmp_path / "c.pt", {"layer": layer}, {"steps": 7}, ORIGIN)
    other = nn.Linear(3, 2)
    assert load_training(tmp_path / "c.pt", {"layer": other}, ORIGIN) == {"steps": 7}
    assert torch.equal(other.weight, layer.weight)


def test_another_origin_is_refused_and_nothing_is_taken_over(layer: nn.Linear, tmp_path: Path):
    save_training(tmp_path / "c.pt", {"layer": layer}, {}, ORIGIN)
    other = nn.Linear(3, 2)
    before = other.weight.clone()
    with pytest.raises(UserError, match=r"c\.pt comes from other settings or photographs; delete"):
        load_training(tmp_path / "c.pt", {"layer": other}, ORIGIN | {"seed": 1})
    assert torch.equal(other.weight, before)


@pytest.mark.parametrize("kept", [0, 10, -100])
def test_a_damaged_file_is_told(layer: nn.Linear, tmp_path: Path, kept: int):
    file = tmp_path / "c.pt"
    save_training(file, {"layer": layer}, {}, ORIGIN)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"c\.pt cannot be read as a checkpoint; delete it"):
        load_training(file, {"layer": layer}, ORIGIN)


def test_something_else_is_told(layer: nn.Linear, tmp_path: Path):
    torch.save([1, 2], tmp_path / "c.pt")
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        load_training(tmp_path / "c.pt", {"layer": layer}, ORIGIN)
