"""`condense train-colouriser` from photographs to a file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from condense_ns.commands.train_colouriser import TrainColouriser
from condense_ns.errors import UserError


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder, generator = tmp_path / "photographs", np.random.default_rng(0)
    folder.mkdir()
    for number in range(20):
        colours = generator.integers(0, 256, (1, 6, 8, 3), dtype=np.uint8)[0]
        Image.fromarray(colours).resize((80, 60)).save(folder / f"{number}.jpg")
    return folder


def test_a_network_and_its_figures_are_written(photographs: Path, tmp_path: Path, capsys):
    path = tmp_path / "made" / "colours.onnx"
    TrainColouriser(photographs, path, steps=2, batch=2).main()
    figures = json.loads(path.with_suffix(".json").read_text())
    assert (figures["photographs"], figures["held_out"]) == (18, 2)
    assert figures["distance"] > 0
    assert sorted(file.name for file in path.parent.iterdir()) == ["colours.json", "colours.onnx"]
    assert "2 photographs held out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"steps": 0}, "--steps is 0"),
        ({"batch": -1}, "--batch is -1"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"output_path": Path("colours.pt")}, "must end in .onnx"),
        ({"output_path": Path(__file__) / "c.onnx"}, "is no folder; choose another --output-path"),
        ({"device": "cuda:99"}, "cuda:99"),
        ({"photographs": Path("absent")}, "--photographs is absent, which is no folder"),
    ],
)
def test_what_cannot_be_done_is_told(options: dict[str, Any], sentence: str, photographs: Path):
    with pytest.raises(UserError, match=sentence):
        TrainColouriser(**{"photographs": photographs, **options}).main()


def test_a_missing_package_is_named(photographs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'onnx<1\.18'"):
        TrainColouriser(photographs).main()
