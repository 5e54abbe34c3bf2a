"""Many scenes through nerfstudio's trainer: trained, saved, resumed, evaluated."""

from pathlib import Path
from typing import Any

import pytest
import torch

from condense_ns.data.open_scenes import OpenScene
from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.lifting.lifting_network import LiftingNetwork
from condense_ns.lifting.network_file import save_network
from condense_ns.models.lift3d import Lift3DModel, Surroundings
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipeline
from condense_ns.viewer.viewed_model import OUTPUTS as DARK
from tests.lift_run import (
    TESTED,
    TRAINING,
    LiftRun,
    lift_pipeline,
    lift_settings,
    opened,
    small_lift_config,
    trained,
    weights_of,
)
from tests.training import COLOURS, prepared

OUTPUTS = ["rgb", "depth", "accumulation", "feature_pca"]
OF_COLOURS = {"picture", "rgb"}
OF_DEPTH, OF_FEATURES = {"plane", "fine_plane", "depth"}, {"feature_cosine", "feature_l2"}


@pytest.fixture(scope="module")
def pipeline(lift_run: LiftRun) -> CrossScenePipeline:
    """The run in evaluation; not to be changed."""
    return opened(lift_run)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[PinholeViews, Surroundings]]:
    """Fills with what is rendered from what."""
    found: list[tuple[PinholeViews, Surroundings]] = []
    look_at = Lift3DModel.look_at

    def noted(self: Lift3DModel, target: PinholeViews, around: Surroundings) -> Any:
        found.append((target, around))
        return look_at(self, target, around)

    monkeypatch.setattr(Lift3DModel, "look_at", noted)
    return found


def test_a_step_has_all_losses_and_they_are_finite(lift_run: LiftRun, tmp_path: Path):
    trainer = prepared(small_lift_config(lift_run.scenes, tmp_path))
    for step in range(2):
        _, losses, metrics = trainer.pipeline.get_train_loss_dict(step)
        assert set(metrics) == {*OF_COLOURS, *OF_DEPTH, *OF_FEATURES}
        assert set(losses) == {f"{name}_loss" for name in metrics}
        assert all(loss.isfinite() for loss in losses.values())
        assert all(loss.requires_grad for loss in losses.values())
    _, losses, _ = trainer.pipeline.get_eval_loss_dict(0)
    assert all(loss.isfinite() and not loss.requires_grad for loss in losses.values())
    assert trainer.pipeline.training


def test_steps_depend_on_their_number_alone(lift_run: LiftRun, tmp_path: Path):
    trainer = prepared(small_lift_config(lift_run.scenes, tmp_path))
    first, second, again = (trainer.pipeline.get_train_loss_dict(step)[1] for step in (4, 7, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["rgb_loss"], second["rgb_loss"])


def test_a_checkpoint_renders_as_the_run_did(lift_run: LiftRun, pipeline: CrossScenePipeline):
    again = opened(lift_run)
    camera, _ = pipeline.datamanager.fixed_indices_eval_dataloader[0]
    first, second = (one.model.get_outputs_for_camera(camera) for one in (pipeline, again))
    assert list(first) == list(second) == OUTPUTS
    assert all(torch.equal(first[name], second[name]) for name in OUTPUTS)
    assert first["rgb"].shape == (48, 64, 3)
    assert first["feature_pca"].std() > 0.05
    assert not again.model.training


def test_every_camera_has_the_same_outputs(pipeline: CrossScenePipeline):
    cameras = pipeline.datamanager.train_dataset.cameras
    away = cameras[0:1].to("cpu")
    away.camera_to_worlds = away.camera_to_worlds.clone()
    away.camera_to_worlds[:, :, 3] += 1e3  # from where nothing can be seen
    for camera in (cameras[0:1], cameras[7:8], away):
        found = pipeline.model.get_outputs_for_camera(camera)
        assert list(found) == OUTPUTS
        assert all(values.isfinite().all() for values in found.values())


def test_nothing_in_a_checkpoint_has_the_size_of_a_scene(lift_run: LiftRun):
    file = next((lift_run.config.parent / "nerfstudio_models").glob("*.ckpt"))
    state = torch.load(file, weights_only=True)["pipeline"]
    expected = LiftingNetwork(planes=99, samples=1).state_dict()
    sizes = {name: tuple(value.shape) for name, value in state.items()}
    assert sizes.pop("_model.device_indicator_param") == (0,)
    assert sizes == {
        f"_model.network.{name}": tuple(value.shape) for name, value in expected.items()
    }
    assert file.stat().st_size < 10 << 20  # with what Adam remembers


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(lift_run: LiftRun, tmp_path: Path):
    whole = trained(small_lift_config(lift_run.scenes, tmp_path / "whole", steps=4))
    config = small_lift_config(lift_run.scenes, tmp_path / "first", steps=4)
    config.max_num_iterations = 2
    first = trained(config)
    config = small_lift_config(lift_run.scenes, tmp_path / "second", steps=4)
    config.max_num_iterations, config.load_dir = 2, first.checkpoint_dir
    resumed = prepared(config)
    before = weights_of(first)
    assert all(torch.equal(before[name], value) for name, value in weights_of(resumed).items())
    resumed.train()
    assert resumed.step == 3
    after, expected = weights_of(resumed), weights_of(whole)
    for name, value in expected.items():
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=1e-5)
    assert not torch.equal(after["blender.bank.weight"], before["blender.bank.weight"])


def test_a_run_may_start_from_weights_in_a_file(lift_run: LiftRun, tmp_path: Path):
    torch.manual_seed(5)
    network = LiftingNetwork()
    save_network(network, tmp_path / "lift.safetensors")
    config = small_lift_config(lift_run.scenes, tmp_path)
    lift_settings(config).initial_weights = tmp_path / "lift.safetensors"
    started = weights_of(prepared(config))
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in started.items())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("renamed", r"missing \['_model.network.blender.bank.weight'\], unknown \['renamed'\]"),
        ("resized", r"of other sizes \['_model.network.blender.bank.weight'\]"),
        ("emptied", r"missing \['_model"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    pipeline: CrossScenePipeline, change: str, sentence: str
):
    state, name = pipeline.state_dict(), "_model.network.blender.bank.weight"
    if change == "renamed":
        state["renamed"] = state.pop(name)
    elif change == "resized":
        state[name] = torch.zeros(3)
    else:
        state = {}
    with pytest.raises(UserError, match=f"does not fit this run's network: .*{sentence}"):
        pipeline.load_pipeline(state, 0)


def test_a_checkpoint_of_distributed_training_is_loaded(lift_run: LiftRun):
    pipeline = opened(lift_run)
    expected = {name: value + 1.0 for name, value in pipeline.state_dict().items()}
    wrapped = {name.replace("_model.", "_model.module."): value for name, value in expected.items()}
    pipeline.load_pipeline(wrapped, 0)
    assert all(torch.equal(value, expected[name]) for name, value in pipeline.state_dict().items())


def test_each_held_out_view_is_rendered_from_its_own_scene(
    lift_run: LiftRun, looked: list[tuple[PinholeViews, Surroundings]], tmp_path: Path
):
    trainer = prepared(small_lift_config(lift_run.scenes, tmp_path))
    pipeline = lift_pipeline(trainer)
    loader = pipeline.datamanager.fixed_indices_eval_dataloader
    examples = [batch["examples"][0] for _, batch in loader]
    assert {example.scene for example in examples} == set(TRAINING)
    metrics = pipeline.get_average_eval_image_metrics()
    assert {"psnr", "ssim", "num_rays_per_sec", "fps"} == set(metrics) - {"lpips"}
    assert len(looked) == len(examples) == 4
    for example, (target, around) in zip(examples, looked, strict=True):
        torch.testing.assert_close(target.intrinsics, example.target.intrinsics)
        assert torch.equal(around.sources.images, example.sources.images)
        assert around.depth_range == example.depth_range
        assert around.features is not None
        assert torch.equal(around.features.maps, example.source_features["gradients"])
    looked.clear()
    for number in (0, 1, 2):
        pipeline.get_eval_image_metrics_and_images(number)
    for example, (_, around) in zip(examples, looked, strict=False):
        assert torch.equal(around.sources.images, example.sources.images)


def test_after_evaluation_the_shown_scene_is_rendered_again(
    lift_run: LiftRun, looked: list[tuple[PinholeViews, Surroundings]], tmp_path: Path
):
    pipeline = lift_pipeline(prepared(small_lift_config(lift_run.scenes, tmp_path)))
    for name in reversed(TRAINING):
        pipeline.datamanager.show_scene(name)
        pipeline.get_eval_image_metrics_and_images(0)
        looked.clear()
        pipeline.model.get_outputs_for_camera(pipeline.datamanager.eval_dataset.cameras[0:1])
        scene = pipeline.datamanager.shown.scene
        working = {str(scene.image(view).sum()) for view in scene.training}
        assert {str(image.sum()) for image in looked[0][1].sources.images} <= working


def test_afterwards_the_scenes_for_tests_are_evaluated(pipeline: CrossScenePipeline):
    loader = pipeline.datamanager.fixed_indices_eval_dataloader
    assert [batch["examples"][0].scene for _, batch in loader] == [TESTED, TESTED]
    metrics, images = pipeline.get_eval_image_metrics_and_images(0)
    assert metrics["num_rays"] == 64 * 48
    assert images["img"].shape == (48, 128, 3)
    assert images["feature_pca"].std() > 0.05


def test_ns_eval_writes_a_picture_of_each_view(pipeline: CrossScenePipeline, tmp_path: Path):
    pipeline.get_average_eval_image_metrics(output_path=tmp_path)
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {
        f"eval_{kind}_{at:04d}.png" for kind in ("img", "feature_pca") for at in (0, 1)
    }


def test_encoders_take_turns_and_may_be_none(lift_run: LiftRun, tmp_path: Path):
    two = small_lift_config(lift_run.scenes, tmp_path / "two", ("gradients", COLOURS))
    trainer = prepared(two)
    losses = [trainer.pipeline.get_train_loss_dict(step)[1] for step in range(2)]
    assert all("feature_cosine_loss" in one for one in losses)
    none = prepared(small_lift_config(lift_run.scenes, tmp_path / "none", ()))
    losses = none.pipeline.get_train_loss_dict(0)[1]
    assert set(losses) == {f"{name}_loss" for name in (*OF_COLOURS, *OF_DEPTH)}
    camera = lift_pipeline(none).datamanager.train_dataset.cameras[0:1]
    assert (none.pipeline.model.get_outputs_for_camera(camera)["feature_pca"] == 0).all()


def test_features_missing_in_one_scene_leave_the_others_theirs(
    lift_run: LiftRun, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    stacked = OpenScene.stacked_maps

    def refused(self: OpenScene, spec: str, views: list[int]) -> Any:
        if self.scene.name == TRAINING[0]:
            raise UserError("its features cannot be read")
        return stacked(self, spec, views)

    def colours(name: str) -> torch.Tensor:
        shown.datamanager.show_scene(name)
        camera = shown.datamanager.train_dataset.cameras[0:1]
        return shown.model.get_outputs_for_camera(camera)["feature_pca"]

    shown = opened(lift_run)
    monkeypatch.setattr(OpenScene, "stacked_maps", refused)
    assert (colours(TRAINING[0]) == 0).all()
    assert (colours(TRAINING[0]) == 0).all()
    assert colours(TRAINING[1]).std() > 0.05
    assert [record.message for record in caplog.records if "black" in record.message] == [
        f"feature_pca of scene {TRAINING[0]} stays black: its features cannot be read"
    ]


def test_the_dark_picture_of_the_viewer_has_what_is_rendered(pipeline: CrossScenePipeline):
    camera = pipeline.datamanager.train_dataset.cameras[0:1]
    found = pipeline.model.get_outputs_for_camera(camera)
    assert {name: values.shape[-1] for name, values in found.items()} == DARK


def test_scenes_without_held_out_views_cannot_be_evaluated(pipeline: CrossScenePipeline):
    with pytest.raises(UserError, match="has held-out views; list one that has some below val"):
        pipeline.get_average_image_metrics([], "eval")


def test_settings_out_of_range_are_told_before_anything_is_read(tmp_path: Path):
    config = small_lift_config(tmp_path / "absent.yaml", tmp_path)
    lift_settings(config).depth_planes = 1
    with pytest.raises(UserError, match=r"--pipeline.model.depth-planes is 1"):
        prepared(config)
