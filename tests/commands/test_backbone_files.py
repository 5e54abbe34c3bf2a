"""Backbones on a command line: those that are there, those that are not, and the one of the package."""

import json
from pathlib import Path

import pytest

from condense_ns.commands.backbone_files import check_backbones
from condense_ns.commands.bench_downstream import BenchDownstream
from condense_ns.commands.bench_pretrain import BenchPretrain
from condense_ns.errors import UserError


def test_the_one_of_the_package_needs_no_file(tmp_path: Path):
    (tmp_path / "own.safetensors").write_bytes(b"")
    check_backbones((Path("shipped"), tmp_path / "own.safetensors"))
    check_backbones(("shipped", "random"), drawn=("random",))


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ((), "no backbone given; name at least one"),
        (("shipped", "a/shipped.safetensors"), "two of --backbones have the same file name"),
        (("shipped", "random"), "there is no backbone random"),
        (("a/shipped",), "there is no backbone a/shipped"),
    ],
)
def test_what_is_not_there_is_named(named, told):
    with pytest.raises(UserError, match=told):
        check_backbones(named)


def test_tasks_are_tabled_with_the_one_of_the_package(tmp_path: Path, capsys):
    BenchDownstream(
        backbones=("shipped",),
        tasks=("classify",),
        data="synthetic?train_things=1&test_things=1&thing_points=200",
        labels=(100.0,),
        seeds=1,
        modes=("frozen",),
        probe_steps=1,
        out=tmp_path / "runs",
        output_path=tmp_path / "bench.json",
    ).main()
    (row,) = json.loads((tmp_path / "bench.json").read_text())["rows"]["classify"]
    assert row["backbone"] == "shipped"
    assert "shipped, probe" in capsys.readouterr().out


def test_the_one_of_the_package_refuses_other_encoders_before_scenes_are_read(tabletops: Path):
    bench = BenchPretrain(data=tabletops, backbones=(Path("shipped"),), encoder_image_size=96)
    with pytest.raises(UserError, match="was trained with mini of other weights or settings"):
        bench.main()
