"""An intruder in one photograph does not show in what is lifted, if its mask leaves it out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.engine.trainer import TrainerConfig

from condense_ns.lifting.network_file import SHIPPED, load_network
from condense_ns.operators import build_operator
from condense_ns.pipelines.lifted_points import write_points_of
from condense_ns.pipelines.scene_lifting import LiftedView, SceneLifter, open_scene
from condense_ns.pipelines.seen_depth import seen_depth
from condense_ns.pipelines.voxel_depth import VoxelDepth
from tests.data.changed_scenes import copied, give_masks, paint_over, without_depth
from tests.lift_run import small_lift_config
from tests.pretrain_run import small_pretrain_config
from tests.training import prepared

SIZE = (48, 64)
INTRUDER = np.zeros(SIZE, bool)
INTRUDER[8:40, 16:48] = True


def lifter_of(folder: Path, maps: Path) -> SceneLifter:
    return SceneLifter(load_network(SHIPPED), open_scene(folder, 64), 4, maps)


def view_of(lifter: SceneLifter) -> LiftedView:
    return lifter.render(lifter.camera(0), exclude=[0])


def greens(colours: torch.Tensor) -> float:
    """Share of pixels, channels last, as green as the intruder."""
    red, green, blue = colours.unbind(dim=2)
    return float(((green - red > 0.3) & (green - blue > 0.3)).float().mean())


@pytest.fixture(scope="module")
def lifters(tabletop: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, SceneLifter]:
    """Of the scene as it is; with an intruder; with it, masked; with noise in its place, masked."""
    folder, found = tmp_path_factory.mktemp("scenes"), {}
    for name in ("plain", "haunted", "masked", "noisy"):
        scene = copied(tabletop, folder / name)
        if name != "plain":  # frame 1 is the nearest source of view 0
            paint_over(scene, 1, INTRUDER, seed=1 if name == "noisy" else None)
        if name in ("masked", "noisy"):
            give_masks(scene, {1: ~INTRUDER}, SIZE)
        found[name] = lifter_of(scene, folder / f"maps_of_{name}")
    return found


def test_a_masked_intruder_does_not_show(lifters: dict[str, SceneLifter]):
    views = {name: view_of(lifter) for name, lifter in lifters.items()}
    assert all(view.sources[0] == 1 for view in views.values())
    shown = {name: greens(view.rendered.rgb) for name, view in views.items()}
    assert shown["haunted"] > 0.2
    assert shown["masked"] == shown["plain"] == 0
    true = lifters["plain"].scene.image(0).permute(1, 2, 0)
    apart = {name: float((view.rendered.rgb - true).abs().mean()) for name, view in views.items()}
    assert apart["masked"] < 0.6 * apart["haunted"]
    assert float(views["masked"].rendered.accumulation.mean()) > 0.95


def test_what_was_masked_is_irrelevant(lifters: dict[str, SceneLifter]):
    one, other = view_of(lifters["masked"]), view_of(lifters["noisy"])
    assert torch.equal(one.rendered.rgb, other.rendered.rgb)
    assert torch.equal(one.rendered.depth, other.rendered.depth)


def test_features_of_what_is_masked_are_not_lifted(lifters: dict[str, SceneLifter]):
    """Of an operator that looks at single pixels; others see the whole photograph."""
    operator = build_operator("rgb", "cpu")
    lifted = {name: lifter.lift(operator, view_of(lifter)) for name, lifter in lifters.items()}
    green = {name: greens(found) for name, found in lifted.items()}
    assert green["haunted"] > 0.2
    assert green["masked"] == green["plain"] == 0
    torch.testing.assert_close(lifted["masked"], lifted["noisy"], atol=0.02, rtol=0)


def test_points_do_not_learn_of_what_is_masked(lifters: dict[str, SceneLifter], tmp_path: Path):
    operator, found = build_operator("rgb", "cpu"), {}
    for name in ("masked", "noisy"):
        (tmp_path / name).mkdir()
        write_points_of(lifters[name], operator, None, 500, tmp_path / name)
        found[name] = np.load(tmp_path / name / "points.npz")
    for key in ("xyz", "seen_by"):
        assert np.array_equal(found["masked"][key], found["noisy"][key])


def test_depth_that_is_rendered_is_unknown_where_masked(
    lifters: dict[str, SceneLifter], monkeypatch: pytest.MonkeyPatch
):
    masked = lifters["masked"]
    monkeypatch.setattr(masked.scene, "depth", lambda view: None)
    depth, hidden = masked.depth(1), torch.from_numpy(INTRUDER)
    assert not depth[hidden].any()
    assert (depth[~hidden] > 0).float().mean() > 0.9


def small_config(method: str, scenes: Path, output: Path) -> TrainerConfig:
    return {"lift3d": small_lift_config, "condense-pretrain": small_pretrain_config}[method](
        scenes, output, ("gradients",)
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lift3d", "condense-pretrain"])
def test_figures_of_held_out_views_do_not_know_what_is_masked(
    tabletop: Path, tmp_path: Path, method: str
):
    """The intruder stands in the first held-out view, frame 4, and in two training views."""
    figures, losses = [], []
    for seed in (1, 2):
        folder = tmp_path / str(seed) / "room"
        copied(tabletop, folder)
        for frame in (0, 4, 7):
            paint_over(folder, frame, INTRUDER, seed)
        give_masks(folder, dict.fromkeys((0, 4, 7), ~INTRUDER), SIZE)
        pipeline = prepared(small_config(method, folder, tmp_path / f"out{seed}")).pipeline
        _, batch = pipeline.datamanager.next_eval_image(0)
        assert torch.equal(batch["mask"][..., 0], torch.from_numpy(~INTRUDER))
        pipeline.datamanager.eval_count = 0
        metrics, _ = pipeline.get_eval_image_metrics_and_images(0)
        figures.append({name: metrics[name] for name in ("psnr", "ssim")})
        _, found, _ = pipeline.get_train_loss_dict(0)
        losses.append(found)
    assert figures[0] == figures[1]
    assert all(bool(loss.isfinite()) for found in losses for loss in found.values())


@pytest.mark.slow
def test_a_view_without_a_cell_that_counts_has_no_figures_of_features(
    tabletop: Path, tmp_path: Path
):
    """Of every four columns one counts: of the picture a part, of features nothing."""
    folder = copied(tabletop, tmp_path / "room")
    stripes = np.zeros(SIZE, bool)
    stripes[:, ::4] = True
    give_masks(folder, {4: stripes}, SIZE)
    pipeline = prepared(small_config("condense-pretrain", folder, tmp_path / "out")).pipeline
    metrics, _ = pipeline.get_eval_image_metrics_and_images(0)
    assert not any("cos_c" in name for name in metrics)
    assert np.isfinite(metrics["psnr"])


def test_voxels_do_not_tell_how_far_away_is_what_is_masked(
    tabletop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = without_depth(tabletop, tmp_path / "bare")
    scene = open_scene(give_masks(folder, {0: ~INTRUDER}, SIZE), 64)
    monkeypatch.setattr(VoxelDepth, "depths", lambda self, view, places: torch.ones(len(places)))
    depth_at = seen_depth(scene, [0], object.__new__(VoxelDepth))
    places = torch.tensor([[0.5, 0.5], [0.1, 0.9]])
    assert depth_at(0, places).tolist() == [0.0, 1.0]
    assert depth_at(1, places).tolist() == [1.0, 1.0]
