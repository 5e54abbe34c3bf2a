"""`condense probe` and `condense finetune`: options, and the whole way in the smallest."""

import json
from typing import Any

import pytest

from condense_ns.commands.probe import Finetune, Probe
from condense_ns.errors import UserError

TINY: dict[str, Any] = {
    "task": "classify",
    "data": "synthetic?train_things=1&test_things=1&thing_points=200",
    "resolution": 8,
    "steps": 2,
    "batch": 2,
}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"steps": 0}, "--steps is 0; it must be 1 or more"),
        ({"batch": 0}, "--batch is 0"),
        ({"resolution": 1}, "--resolution is 1; it must be 2 or more"),
        ({"voxel_size": 0.0}, "--voxel-size is 0.0; it must be above 0"),
        ({"scale": -1.0}, "--scale is -1.0"),
        ({"learning_rate": float("inf")}, "--learning-rate is inf"),
        ({"device": "gpu"}, "unknown device 'gpu'; use cpu, cuda or cuda:<index>"),
        ({"labels": 0.0}, "--labels is 0; it must be above 0 and at most 100"),
        ({"labels": 101.0}, "--labels is 101"),
        ({"backbone": "scratch"}, "use condense finetune"),
        ({"backbone": "none.safetensors"}, "there is no backbone none.safetensors"),
    ],
)
def test_options_that_make_no_sense_are_named(tmp_path, options, told):
    with pytest.raises(UserError, match=told):
        Probe(**{**TINY, "backbone": "random", "out": tmp_path / "runs", **options}).main()
    assert not (tmp_path / "runs").exists()


def test_a_file_for_a_folder_is_told_before_the_work(tmp_path):
    (tmp_path / "file").write_text("mine")
    for command in (Probe, Finetune):
        with pytest.raises(UserError, match=r"as .*file is no folder; choose another --out"):
            command(**TINY, backbone="random", out=tmp_path / "file").main()


@pytest.mark.parametrize(
    ("command", "name", "head"),
    [
        (Probe(**TINY, backbone="random"), "classify-synthetic-random-frozen-100-0", "linear"),
        (Probe(**TINY, backbone="shipped"), "classify-synthetic-shipped-frozen-100-0", "linear"),
        (Finetune(**TINY, backbone="shipped"), "classify-synthetic-shipped-all-100-0", "linear"),
        (
            Probe(**TINY, backbone="random", adapters=True),
            "classify-synthetic-random-adapters-100-0",
            "linear",
        ),
        (
            Finetune(**TINY, backbone="scratch", load="encoder", head="mlp", labels=10.0),
            "classify-synthetic-scratch-encoder-10-0",
            "mlp",
        ),
    ],
)
def test_a_tiny_run_has_a_folder_of_its_own(tmp_path, capsys, command, name, head):
    command.out = tmp_path
    command.main()
    assert [folder.name for folder in tmp_path.iterdir()] == [name]
    row = json.loads((tmp_path / name / "row.json").read_text())
    assert row["head"] == head
    assert "overall_accuracy" in capsys.readouterr().out
