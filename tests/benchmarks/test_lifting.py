"""The table of lift3d on a small made-up scene, with a network that has learnt nothing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from condense_ns.commands.bench_lift import BenchLift
from condense_ns.errors import UserError
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import save_network
from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_plan import ScenePlan

WAYS = ("true image", "rendered image", "nearest source", "no corrector", "lift3d")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    scene = write_scene(
        ScenePlan(1, "tabletop", views=10, width=64, height=48, points=50), folder / "scenes"
    )
    torch.manual_seed(0)
    save_network(LiftingNetwork(planes=16, samples=3), folder / "random.safetensors")
    return BenchLift(
        scenes=(scene,),
        operators=("rgb", "features:gradients", "classes:mini?table,wall,floor"),
        weights=folder / "random.safetensors",
        targets=2,
        sources=4,
        image_size=64,
        output_path=folder / "bench.json",
    )


@pytest.mark.slow
def test_every_way_has_its_figures(bench, capsys):
    bench.main()
    scene = next(iter(json.loads(bench.output_path.read_text())["scenes"].values()))
    assert scene["colours"]["psnr_gain"] == pytest.approx(
        scene["colours"]["psnr"] - scene["colours"]["psnr_nearest"]
    )
    assert scene["floor"]["short"] > 0
    for spec, found in scene["operators"].items():
        assert tuple(found["rows"]) == WAYS
        assert found["rows"]["true image"]["infidelity"] == pytest.approx(0.0, abs=1e-5), spec
        assert found["rows"]["lift3d"]["infidelity"] > 0
        assert found["speed"]["seconds_answer"] > 0
    assert "sharpness" in scene["operators"]["rgb"]["rows"]["lift3d"]
    classes = scene["operators"]["classes:mini?table,wall,floor"]["rows"]
    assert all(0 <= row["mean_iou"] <= 1 for row in classes.values())
    printed = capsys.readouterr().out
    assert "PSNR" in printed
    assert "mean_iou" in printed


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"scenes": ()}, "at least one scene"),
        ({"sources": 0}, "--sources is 0; it must be 1 or more"),
        ({"image_size": 8}, "--image-size is 8; it must be 32 or more"),
        ({"operators": ("rgb", "nope")}, "'?nope'?"),
        ({"scenes": (Path("nowhere"),)}, "no scenes at nowhere: .* as --scenes"),
        ({"output_path": Path(__file__) / "x.json"}, "is no folder; choose another --output-path"),
    ],
)
def test_what_cannot_be_measured_is_told_before_the_work(bench, monkeypatch, options, told):
    monkeypatch.setattr("condense_ns.benchmarks.lifting.rendered_targets", None)
    with pytest.raises(UserError, match=told):
        replace(bench, **options).main()
