"""`condense train-mini`: bad options, and the whole way in the smallest."""

import json
from pathlib import Path
from typing import Any

import pytest

from condense_ns.commands.train_mini import TrainMini
from condense_ns.encoders.mini import MiniEncoder
from condense_ns.errors import UserError
from condense_ns.mini_training import photographs


@pytest.mark.parametrize(
    "options",
    [
        {"scenes": 0},
        {"views": 0},
        {"held_out_scenes": -1},
        {"calibration_scenes": 0},
        {"steps": 0},
        {"batch": 0},
        {"minutes": 0.0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"workers": -1},
    ],
)
def test_options_that_make_no_sense_are_named(tmp_path, options):
    (name,) = options
    with pytest.raises(UserError, match=f"--{name.replace('_', '-')} is"):
        TrainMini(work_dir=tmp_path / "work", output_dir=tmp_path / "mini", **options).main()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"device": "foo"}, "unknown device 'foo'"),
        ({"work_dir": Path(__file__)}, "is no folder; choose another --work-dir"),
        ({"output_dir": Path(__file__) / "below"}, "is no folder; choose another --output-dir"),
    ],
)
def test_a_device_or_folder_of_no_use_is_told_before_the_work(tmp_path, options, told):
    folders = {"work_dir": tmp_path / "work", "output_dir": tmp_path / "mini"}
    with pytest.raises(UserError, match=told):
        TrainMini(**{**folders, **options}).main()
    assert not list(tmp_path.iterdir())


def test_a_tiny_run_writes_an_encoder_with_its_figures_and_goes_on(tmp_path, monkeypatch):
    plan_of = photographs.PhotographPlan
    monkeypatch.setattr(
        photographs, "PhotographPlan", lambda *numbers: plan_of(*numbers, width=48, height=36)
    )
    options: dict[str, Any] = {
        "scenes": 2,
        "views": 1,
        "held_out_scenes": 1,
        "calibration_scenes": 1,
        "batch": 2,
    }
    folders: dict[str, Any] = {"work_dir": tmp_path / "work", "output_dir": tmp_path / "mini"}
    (tmp_path / "mini").mkdir()
    (tmp_path / "mini" / "calibration.json").write_text("of older weights, and spoiled")
    for steps in (1, 2):
        TrainMini(**{**folders, **options}, steps=steps, workers=0).main()
        record = json.loads((tmp_path / "mini" / "training.json").read_text())
        assert record["steps"] == steps
        assert record["command"].endswith(f"--steps {steps} --batch 2")
        assert str(tmp_path) not in record["command"]
    seeds = {name: plan["first_seed"] for name, plan in record["photographs"].items()}
    assert seeds == {"training": 1_000_000, "held_out": 2_000_000, "calibration": 3_000_000}
    encoder = MiniEncoder(folder=tmp_path / "mini")
    assert record["inverse_temperature"] == encoder.inverse_temperature
    assert {"mean_iou", "calibration_error", "calibration_error_uncalibrated"} <= (
        record["quality"].keys()
    )
