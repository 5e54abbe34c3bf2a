"""The inverse temperature: what it is fitted to, where it is kept."""

import dataclasses
import json

import pytest
import torch

from condense_ns.encoders.mini import MiniEncoder
from condense_ns.errors import UserError
from condense_ns.mini_training.calibrating import (
    EXAMPLES,
    calibrate,
    calibration_figures,
    examples,
)


def only_floor(photographs):
    """The same photographs, every pixel of class 1."""
    return dataclasses.replace(photographs, classes=photographs.classes * 0 + 1)


def set_margins(monkeypatch, margins, truth):
    monkeypatch.setattr(
        "condense_ns.mini_training.calibrating.examples",
        lambda *_: (torch.tensor(margins), torch.tensor(truth)),
    )


def test_every_photograph_gives_equally_many_examples_of_both_kinds(encoder, photographs):
    margins, truth = examples(encoder, photographs)
    assert margins.shape == truth.shape == (EXAMPLES * len(photographs.rgb),)
    per_photograph = truth.view(-1, EXAMPLES).float().mean(dim=1)
    assert ((per_photograph > 0) & (per_photograph < 1)).all()
    assert torch.equal(margins, examples(encoder, photographs)[0])


def test_one_class_alone_is_always_true_and_no_class_gives_none(encoder, photographs, tmp_path):
    assert examples(encoder, only_floor(photographs))[1].all()
    unlabelled = dataclasses.replace(photographs, classes=photographs.classes * 0)
    assert examples(encoder, unlabelled)[0].shape == (0,)
    with pytest.raises(UserError, match="no examples"):
        calibrate(tmp_path, encoder, unlabelled)


def test_three_of_four_true_at_one_margin_fit_the_logarithm_of_three(
    encoder, photographs, tmp_path, monkeypatch
):
    """sigmoid(0.1 t) = 3 / 4, so t = 10 log 3."""
    set_margins(monkeypatch, [0.1] * 4, [True, True, True, False])
    calibrate(tmp_path, encoder, photographs)
    calibrated = MiniEncoder(folder=tmp_path)
    assert calibrated.inverse_temperature == pytest.approx(10.98612, abs=1e-3)
    figures = calibration_figures(calibrated, photographs)
    assert figures["calibration_error"] == pytest.approx(0.0, abs=1e-6)
    uncalibrated = 0.75 - torch.sigmoid(torch.tensor(1.0)).item()
    assert figures["calibration_error_uncalibrated"] == pytest.approx(uncalibrated, abs=1e-6)


def test_margins_that_mislead_write_nothing(encoder, photographs, tmp_path, monkeypatch):
    set_margins(monkeypatch, [0.1, -0.1], [False, True])
    with pytest.raises(UserError, match="do not rise"):
        calibrate(tmp_path, encoder, photographs)
    assert not (tmp_path / "calibration.json").exists()


def test_the_file_holds_one_number(encoder, photographs, tmp_path, monkeypatch):
    set_margins(monkeypatch, [0.1, 0.1, 0.1], [True, True, False])
    calibrate(tmp_path, encoder, photographs)
    content = json.loads((tmp_path / "calibration.json").read_text())
    assert content.keys() == {"inverse_temperature"}
