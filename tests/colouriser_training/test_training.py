"""Training of the colouriser."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from condense_ns.colouriser_training.colour_network import ColourNetwork
from condense_ns.colouriser_training.photograph_folder import Photographs, read_photographs
from condense_ns.colouriser_training.training import (
    ColouriserSettings,
    ColouriserTrainer,
    held_out_errors,
    split_lab,
    train_colouriser,
)
from condense_ns.errors import UserError

SETTINGS = ColouriserSettings(steps=6, batch=2, crop=64)


@pytest.fixture(scope="module")
def read(photographs: Path) -> Photographs:
    return read_photographs(photographs, 64)


def weights(trainer: ColouriserTrainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.network.state_dict().items()}


def test_a_run_that_was_killed_ends_as_if_it_had_not_been(read: Photographs, tmp_path: Path):
    whole = ColouriserTrainer(read, SETTINGS)
    train_colouriser(whole, SETTINGS, tmp_path / "whole.pt")
    first = ColouriserTrainer(read, SETTINGS)
    for _ in range(3):
        first.step()
    first.save(tmp_path / "cut.pt")
    second = ColouriserTrainer(read, SETTINGS)
    train_colouriser(second, SETTINGS, tmp_path / "cut.pt")
    assert second.steps == SETTINGS.steps
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(second)[name]), name


def test_other_settings_do_not_go_on(read: Photographs, tmp_path: Path):
    ColouriserTrainer(read, SETTINGS).save(tmp_path / "old.pt")
    other = replace(SETTINGS, learning_rate=1e-3)
    with pytest.raises(UserError, match=r"old\.pt comes from other settings"):
        ColouriserTrainer(read, other).load(tmp_path / "old.pt")


def test_it_learns_what_is_blue_and_what_is_orange(read: Photographs, tmp_path: Path):
    settings = replace(SETTINGS, steps=40, batch=8)
    trainer = ColouriserTrainer(read, settings)
    before = held_out_errors(trainer.network.eval(), read)
    trainer.network.train()
    train_colouriser(trainer, settings, tmp_path / "run.pt")
    after = held_out_errors(trainer.network, read)
    assert after["distance"] < 0.5 * min(before["distance"], after["distance_grey"])


def test_other_photographs_do_not_go_on(read: Photographs, tmp_path: Path):
    ColouriserTrainer(read, SETTINGS).save(tmp_path / "old.pt")
    others = Photographs([image.flip(0) for image in read.taught], read.held_out)
    with pytest.raises(UserError, match=r"old\.pt comes from other settings or photographs"):
        ColouriserTrainer(others, SETTINGS).load(tmp_path / "old.pt")


class Saying(nn.Module):
    """The same colour everywhere."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.centres = self.said = torch.tensor([a, b])

    def forward(self, grey: torch.Tensor) -> torch.Tensor:
        return (self.said / 110)[None, :, None, None].expand(len(grey), 2, 4, 4)


def test_errors_of_one_colour(monkeypatch):
    red = torch.tensor([200, 30, 40], dtype=torch.uint8)[:, None, None].expand(3, 16, 16)
    _, ab = split_lab(red[None] / 255)
    a, b = ab[0, :, 0, 0].tolist()
    same = held_out_errors(_as_network(Saying(a, b)), Photographs([], [red]))
    assert same["distance"] == pytest.approx(0, abs=1e-3)
    assert same["psnr"] > 60
    assert same["distance_grey"] == pytest.approx(math.hypot(a, b), rel=1e-4)
    off = held_out_errors(_as_network(Saying(a + 3, b + 4)), Photographs([], [red]))
    assert off["distance"] == pytest.approx(5, abs=1e-3)


def _as_network(saying: Saying) -> ColourNetwork:
    network = ColourNetwork()
    network.centres, network.forward = saying.centres, saying.forward
    return network
