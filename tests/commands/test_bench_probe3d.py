"""The table of frozen features of voxels: options, rows, figures on disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from condense_ns.commands.bench_probe3d import BenchProbe3d
from condense_ns.errors import UserError
from tests.backbones import write_backbone

SPEC = "gradients"


def bench(data: Path, folder: Path, **options: Any) -> BenchProbe3d:
    usual = {"encoder": SPEC, "encoder_image_size": 64, "seeds": 2}
    small = {"most_voxels": 1500, "image_size": 64, "output_path": folder / "bench.json"}
    return BenchProbe3d(data=data, **{**usual, **small, **options})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seeds": 0}, "--seeds is 0; it must be 1 or more"),
        ({"slabs": 1}, "--slabs is 1; it must be 2 or more"),
        ({"most_voxels": 0}, "--most-voxels is 0"),
        ({"image_size": 8}, "--image-size is 8; it must be 32 or more"),
        ({"gap": 1.0}, "--gap is 1; it must be 0 or more, and below 1"),
        ({"gap": -0.1}, r"--gap is -0\.1"),
        ({"backbones": ()}, "no backbone given"),
        ({"backbones": (Path("gone.safetensors"),)}, r"there is no backbone gone\.safetensors"),
        ({"backbones": (Path("shipped"),)}, "the backbone was not trained with gradients"),
        ({"labels_of": "segment"}, "unknown operator 'segment'"),
        ({"labels_of": "rgb"}, "answers no classes; give a segmentation network"),
    ],
)
def test_options_that_make_no_sense_are_named(tabletop: Path, tmp_path: Path, options, told):
    file = write_backbone(tmp_path / "own.safetensors", (SPEC,), 64)
    with pytest.raises(UserError, match=told):
        bench(tabletop, tmp_path, **{"backbones": (file,), **options}).main()
    assert not (tmp_path / "bench.json").exists()


def test_a_scene_without_labels_is_told_before_any_is_read(
    scene: Path, tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("condense_ns.benchmarks.labelled_voxels.labelled_scene", None)
    listed = tmp_path / "list.yaml"
    listed.write_text(f"test: [{tabletop}, {scene}]\n")
    file = write_backbone(tmp_path / "own.safetensors", (SPEC,), 64)
    with pytest.raises(UserError, match=r"board has no annotations\.json; write one, or name"):
        bench(listed, tmp_path, backbones=(file,)).main()


def test_every_scene_has_every_row(tabletops: Path, tmp_path: Path, capsys):
    own = write_backbone(tmp_path / "own.safetensors", (SPEC,), 64)
    listed = tmp_path / "list.yaml"
    names = ("tabletop_000001", "tabletop_000002")
    listed.write_text("test:\n" + "".join(f"- {tabletops / name}\n" for name in names))
    bench(listed, tmp_path, backbones=(own,)).main()
    found = json.loads((tmp_path / "bench.json").read_text())
    assert found.keys() >= {"commit", "date", "processor", "slabs", "gap"}
    assert (found["encoder"], found["labels_of"]) == (SPEC, "annotations")
    assert tuple(found["scenes"]) == names
    for one in found["scenes"].values():
        assert 0 < sum(one["sides"]) < one["voxels"] <= 1500
        assert sum(one["classes"].values()) <= one["voxels"]
        rows = one["rows"]
        assert list(rows) == ["random weights", "own", "encoder, averaged over views"]
        assert [len(row["read_out"]) for row in rows.values()] == [2, 1, 1]
        assert [len(row.get("predicted", [])) for row in rows.values()] == [0, 1, 0]
        assert [len(row["mean_iou"]) for row in rows.values()] == [2, 1, 1]
        assert rows["encoder, averaged over views"]["read_out"][0] > 0.95
        assert all(0 <= value <= 1 for row in rows.values() for value in row["voxel_accuracy"])
    printed = capsys.readouterr().out
    assert printed.count("without") == 2
    assert "±" in printed
