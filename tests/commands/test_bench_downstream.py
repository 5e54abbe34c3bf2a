"""`condense bench downstream`: options, the table, and that nothing is run twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from condense_ns.commands.bench_downstream import BenchDownstream
from condense_ns.errors import UserError

TINY: dict[str, Any] = {
    "backbones": ("random", "scratch"),
    "tasks": ("segment",),
    "data": "synthetic?train_rooms=2&test_rooms=1&room_points=400",
    "labels": (50.0, 100.0),
    "seeds": 1,
    "probe_steps": 1,
    "finetune_steps": 1,
    "finetune_batch": 1,
}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seeds": 0}, "--seeds is 0; it must be 1 or more"),
        ({"finetune_batch": 0}, "--finetune-batch is 0"),
        ({"device": "gpu"}, "unknown device 'gpu'; use cpu, cuda"),
        ({"tasks": ()}, "--tasks is empty"),
        ({"backbones": ("a/x.safetensors", "b/x.safetensors")}, "have the same file name"),
        ({"backbones": ("nowhere.safetensors",)}, "there is no backbone nowhere.safetensors"),
        ({"out": Path(__file__)}, "is no folder; choose another --out"),
        ({"output_path": Path(__file__).parent}, "--output-path is .* which is a folder"),
    ],
)
def test_options_that_make_no_sense_are_named(options, told):
    with pytest.raises(UserError, match=told):
        BenchDownstream(**{**TINY, **options}).main()


@pytest.mark.slow
def test_the_table_is_printed_and_runs_are_not_repeated(tmp_path, capsys):
    bench = BenchDownstream(**TINY, out=tmp_path / "runs", output_path=tmp_path / "bench.json")
    bench.main()
    printed = capsys.readouterr().out
    assert "random, probe" in printed
    assert "from scratch" in printed
    assert "50 % (1)" in printed
    rows = json.loads((tmp_path / "bench.json").read_text())["rows"]["segment"]
    assert len(rows) == 4
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("row.json")}
    assert len(times) == 4
    bench.main()
    assert {path: path.stat().st_mtime_ns for path in times} == times
