"""The table of lift3d on a small made-up scene, with a network that has learnt nothing; its rows."""

import json
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from condense_ns.benchmarks.lift_rows import FULL, OFF, PLAIN, ROWS, answers
from condense_ns.benchmarks.lifting import operator_figures, rendered_targets
from condense_ns.benchmarks.share_frontier import TENTHS, settled_apart, share_frontier
from condense_ns.commands.bench_lift import BenchLift
from condense_ns.errors import UserError
from condense_ns.geometry.interpolation import on_grid
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import SHIPPED, load_network, save_network
from condense_ns.operators.base import Shares
from condense_ns.operators.rgb import RgbOperator
from condense_ns.operators.shifted_encoding import shifted_encode
from condense_ns.pipelines.answer_pairs import Target, chosen_pairs, shared_of_pairs, views_of
from condense_ns.pipelines.scene_lifting import SceneLifter, open_scene
from condense_ns.synthetic.scene_folder import write_scene
from condense_ns.synthetic.scene_plan import ScenePlan

WAYS = (
    "true image",
    "rendered image",
    "nearest source",
    "plain blending",
    "corrector off",
    "lift3d",
)


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
        operators=(
            "rgb",
            "features:gradients",
            "classes:mini?table,wall,floor",
            "torch:tests.operators.own_operators:Enlarger",
        ),
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
    assert scene["seconds_first"] > 0
    for spec, found in scene["operators"].items():
        assert tuple(found["rows"]) == WAYS
        assert found["rows"]["true image"]["infidelity"] == pytest.approx(0.0, abs=1e-5), spec
        assert found["rows"]["lift3d"]["infidelity"] > 0
        assert list(found["shares"]) == [f"{share:.1f}" for share in TENTHS]
        assert all(0 <= shares["rendered"] <= 1 for shares in found["settled"])
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


@pytest.fixture(scope="module")
def lifter(tabletop: Path, tmp_path_factory: pytest.TempPathFactory) -> SceneLifter:
    scene = open_scene(tabletop, 64)
    return SceneLifter(load_network(SHIPPED), scene, 3, tmp_path_factory.mktemp("maps"))


@pytest.fixture(scope="module")
def target(lifter: SceneLifter) -> Target:
    return rendered_targets(lifter, {0})[0]


@pytest.fixture
def operator() -> RgbOperator:
    """Coarse colours with both shares."""
    operator = RgbOperator("rgb", image_size=16)
    operator.rendered_share, operator.painted_share = 0.25, 0.3
    return operator


def test_corrector_off_has_the_shares_and_the_belief_that_plain_blending_lacks(
    lifter, target, operator
):
    rows = answers(lifter, operator, target)
    assert (target.lifted.rendered.accumulation > 0).all()
    own = shifted_encode(operator, target.lifted.sharp, target.lifted.picture)
    believed = lifter.blend(operator, target.lifted, corrected=False, own=own)
    torch.testing.assert_close(rows[OFF].feature_map, 0.75 * believed + 0.25 * own)
    plain = lifter.blend(operator, target.lifted, corrected=False)
    assert torch.equal(rows[PLAIN].feature_map, plain)
    assert (plain - believed).abs().mean() > 1e-3
    decoded = lifter.answer(operator, rows[OFF].feature_map, target.lifted.picture).answer
    assert (rows[OFF].answer - decoded).abs().mean() > 1e-3  # some is the sources' paintings
    apart = rows[FULL].feature_map - rows[OFF].feature_map
    assert apart.abs().mean() > 1e-3


def test_a_corrector_that_does_nothing_may_as_well_be_off(lifter, target, operator):
    network = deepcopy(lifter.network).requires_grad_(False)
    blender = network.blender
    blender.consent.fill_(-100.0)
    for layer, value in ((blender.described_mixing[-1], 0.0), (blender.gate[-1], -100.0)):
        layer.weight.zero_()
        layer.bias.fill_(value)
    idle = copy(lifter)
    idle.network = network
    rows = answers(idle, operator, target)
    torch.testing.assert_close(rows[FULL].answer, rows[OFF].answer, atol=1e-5, rtol=1e-4)
    assert (rows[FULL].answer - rows[PLAIN].answer).abs().mean() > 1e-3


def test_the_share_that_the_operator_has_is_on_the_frontier(lifter, operator):
    operator.rendered_share, operator.painted_share = 0.4, 0.0
    pairs = chosen_pairs(lifter, 1)
    targets = rendered_targets(lifter, views_of(pairs))
    shared = shared_of_pairs(lifter, pairs, targets)
    whole = operator_figures(lifter, operator, shared, targets)[FULL]
    by_share = share_frontier(lifter, operator, shared, targets)
    assert by_share["0.4"] == pytest.approx(whole)
    assert by_share["0.3"]["infidelity"] != pytest.approx(whole["infidelity"])


def test_what_is_painted_is_on_the_frontier_of_those_that_paint(lifter, operator):
    pairs = chosen_pairs(lifter, 1)
    targets = rendered_targets(lifter, views_of(pairs))
    shared = shared_of_pairs(lifter, pairs, targets)
    whole = operator_figures(lifter, operator, shared, targets)[FULL]
    assert share_frontier(lifter, operator, shared, targets)["0.7"] == pytest.approx(whole)


@pytest.mark.parametrize(
    ("views", "left_out", "parts"),
    [
        ([7], 0.1, [[7]]),
        ([1, 4, 9], 0.01, [[1], [4], [9]]),
        ([0, 2, 3, 5, 6, 8, 9], 0.25, [[0, 5, 9], [2, 6], [3, 8]]),
        ([0, 2, 3], 1.0, [[0, 2, 3]]),
    ],
)
def test_a_part_is_settled_without_its_own_photographs(
    lifter, operator, monkeypatch, views, left_out, parts
):
    looked_at = []

    class Settler:
        def __init__(self, lifter, views, least_angle):
            looked_at.append(set(views))

        def settle(self, operator):
            return Shares(0.1)

    monkeypatch.setattr("condense_ns.benchmarks.share_frontier.ShareSettler", Settler)
    monkeypatch.setattr("condense_ns.benchmarks.share_frontier.LEFT_OUT", left_out)
    shares = settled_apart(lifter, [operator], views, 0.0)["rgb"]
    assert shares == dict.fromkeys(views, Shares(0.1))
    every = set(range(len(lifter.scene)))
    assert looked_at == [every - set(part) for part in parts]


def test_every_view_has_the_share_that_was_settled_for_it(lifter, operator):
    pairs = chosen_pairs(lifter, 1)
    targets = rendered_targets(lifter, views_of(pairs))
    shared = shared_of_pairs(lifter, pairs, targets)
    first, *others = targets
    operator.painted_share = 0.0
    shares = {first: Shares(0.2)} | dict.fromkeys(others, Shares(1.0))
    mixed = operator_figures(copied(lifter), operator, shared, targets, shares)[FULL]
    by_share = share_frontier(lifter, operator, shared, targets)
    parts = [
        share_frontier(lifter, operator, {}, {view: target})[f"{shares[view].rendered:.1f}"]
        for view, target in targets.items()
    ]
    apart = sum(part["infidelity"] for part in parts) / len(parts)
    assert mixed["infidelity"] == pytest.approx(apart)
    assert by_share["0.2"]["infidelity"] != pytest.approx(apart)


def copied(lifter: SceneLifter) -> SceneLifter:
    """One that may settle shares."""
    other = copy(lifter)
    other.settled_shares = {}
    return other


class Twice(RgbOperator):
    """The colours on twice as many rows and columns."""

    def decode(self, feature_map, image):  # pyright: ignore[reportIncompatibleMethodOverride]
        height, width = image.shape[-2:]
        return on_grid(feature_map, 2 * height, 2 * width)


def test_enlarged_pictures_are_compared_at_the_same_places(lifter):
    pairs = chosen_pairs(lifter, 1)
    targets = rendered_targets(lifter, views_of(pairs))
    shared = shared_of_pairs(lifter, pairs, targets)
    plain, twice = (
        operator_figures(lifter, kind("rgb", image_size=16), shared, targets)
        for kind in (RgbOperator, Twice)
    )
    for row in ROWS:
        for figure in ("short", "infidelity"):
            assert twice[row][figure] == pytest.approx(plain[row][figure], rel=0.05), row
        assert twice[row]["sharpness"] == pytest.approx(plain[row]["sharpness"] / 2, rel=0.1)
