"""The table of refined and original maps: options, rows, figures on disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from condense_ns.commands.bench_probe2d import BenchProbe2d
from condense_ns.errors import UserError
from tests.commands.test_encode import SPEC, saved


def bench(data: Path, folder: Path, **options: Any) -> BenchProbe2d:
    usual = {"encoder": SPEC, "encoder_image_size": 64, "seeds": 2, "labels": (50.0,)}
    return BenchProbe2d(data=data, output_path=folder / "bench.json", **{**usual, **options})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seeds": 0}, "--seeds is 0; it must be 1 or more"),
        ({"every": 0}, "--every is 0"),
        ({"held_out": 1.0}, "--held-out is 1; it must lie between 0 and 1"),
        ({"labels": (0.0,)}, "--labels are"),
        ({"backbones": ()}, "no backbone given"),
        ({"backbones": (Path("gone.safetensors"),)}, r"there is no backbone gone\.safetensors"),
        ({"encoder_image_size": 64}, "the backbone was not trained with gradients"),
        ({"labels_of": "segment"}, "unknown operator 'segment'"),
    ],
)
def test_options_that_make_no_sense_are_named(tabletop: Path, tmp_path: Path, options, told):
    file = saved(tmp_path / "own.safetensors") if "labels_of" in options else Path("shipped")
    with pytest.raises(UserError, match=told):
        bench(tabletop, tmp_path, **{"backbones": (file,), **options}).main()
    assert not (tmp_path / "bench.json").exists()


@pytest.mark.slow
def test_a_branch_that_changes_nothing_gives_the_encoders_figures(
    tabletop: Path, tmp_path: Path, capsys
):
    untrained = saved(tmp_path / "untrained.safetensors", trained=False)
    trained = saved(tmp_path / "trained.safetensors")
    bench(tabletop, tmp_path, backbones=(untrained, trained)).main()
    found = json.loads((tmp_path / "bench.json").read_text())
    assert found["photographs"] == {"train": 10, "test": 4}
    assert found["labels_of"] == "annotations"
    assert found.keys() >= {"commit", "date", "processor", "blind"}
    rows = found["rows"]
    assert list(rows) == ["encoder", "untrained", "trained"]
    figures = {name: [run["mean_iou"] for run in row["50"]] for name, row in rows.items()}
    assert len(figures["encoder"]) == 2
    assert figures["untrained"] == pytest.approx(figures["encoder"], abs=0.01)
    assert figures["trained"] != pytest.approx(figures["encoder"], abs=1e-4)
    unlike = found["inconsistency"]
    assert unlike["untrained"] == pytest.approx(unlike["encoder"], abs=1e-3)
    assert unlike["trained"] != pytest.approx(unlike["encoder"], abs=1e-4)
    printed = capsys.readouterr().out
    assert "without looking" in printed
    assert "±" in printed
    assert f"{unlike['encoder']:.3f}" in printed
