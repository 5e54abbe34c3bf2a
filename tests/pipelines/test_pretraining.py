"""condense-pretrain through nerfstudio's trainer: trained, killed, resumed, evaluated, shown."""

from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.annotations import FILE_NAME
from condense_ns.commands.export_backbone import ExportBackbone
from condense_ns.data.volume_datamanager import VolumeDataManager, VolumeDataManagerConfig
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import load_backbone
from condense_ns.models.condense_pretrain import VolumeAround
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipeline
from condense_ns.volumes.sparse_volume import GREY
from tests.data.changed_scenes import without_depth
from tests.lift_run import (
    TESTED,
    TRAINING,
    lift_pipeline,
    lift_pipeline_config,
    trained,
    write_list,
)
from tests.pretrain_run import (
    AGREEMENT,
    losses_of,
    model_of,
    model_settings,
    small_pretrain_config,
    weights_of,
)
from tests.training import COLOURS, prepared

OUTPUTS = ["rgb", "depth", "accumulation", "feature_pca"]


@pytest.fixture(scope="module")
def scenes(tabletops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes for training and evaluation meanwhile, a third one for tests."""
    return write_list(tabletops, tmp_path_factory.mktemp("pretrain") / "list.yaml")


@pytest.fixture(scope="module")
def run(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.yml of a short run."""
    config = small_pretrain_config(scenes, tmp_path_factory.mktemp("pretrain_run"))
    config.steps_per_eval_batch = config.steps_per_eval_image = 1
    return trained(config).base_dir / "config.yml"


def opened(run: Path) -> CrossScenePipeline:
    """The run as ns-eval opens it."""
    _, pipeline, _, _ = eval_setup(run, test_mode="test")
    assert isinstance(pipeline, CrossScenePipeline)
    return pipeline


@pytest.mark.slow
def test_it_learns_to_render_what_the_encoder_says(scenes: Path, tmp_path: Path):
    trainer = prepared(small_pretrain_config(scenes, tmp_path, steps=100))
    found = losses_of(trainer, 0, 100)
    names = ("lifted", "refined", "steady", "alike", "told", "anchor", "transfer", "correspondence")
    assert set(found[0]) == {f"{name}_loss" for name in names}
    for name in ("lifted_loss", "transfer_loss", "correspondence_loss"):
        early, late = (sum(one[name] for one in part) for part in (found[:8], found[-8:]))
        assert late < 0.8 * early, name
    _, losses, _ = trainer.pipeline.get_eval_loss_dict(0)
    assert all(loss.isfinite() and not loss.requires_grad for loss in losses.values())
    assert trainer.pipeline.training


def test_all_objectives_can_be_trained_for(scenes: Path, tmp_path: Path):
    config = small_pretrain_config(scenes, tmp_path, ("mini", "gradients"))
    model_settings(config).objectives = ("condense", "mvnet", "sparse", "language")
    losses = losses_of(prepared(config), 0, 1)[0]
    assert len(losses) == 13
    assert all(loss > -1e-5 for loss in losses.values())
    model_settings(config).objectives = ()
    with pytest.raises(UserError, match="objectives is empty; name what is trained for"):
        prepared(config)


@pytest.mark.parametrize("objective", ["refine", "sparse", "language"])
def test_one_objective_alone_is_evaluated_too(scenes: Path, tmp_path: Path, objective):
    config = small_pretrain_config(scenes, tmp_path, ("mini",))
    model_settings(config).objectives = (objective,)
    trainer = prepared(config)
    losses_of(trainer, 0, 1)
    _, losses, _ = trainer.pipeline.get_eval_loss_dict(0)
    assert float(sum(losses.values())) > 0.0
    expected = {"refine": "steady", "sparse": "score_repeatability", "language": "language"}
    assert f"{expected[objective]}_loss" in losses


def test_language_that_nobody_can_teach_is_refused(scenes: Path, tabletops: Path, tmp_path: Path):
    config = small_pretrain_config(scenes, tmp_path)
    model_settings(config).objectives = ("condense", "language")
    with pytest.raises(UserError, match=f"no text is understood by {COLOURS}; name an encoder"):
        prepared(config)
    without_depth(tabletops / TRAINING[0], tmp_path / "bare")
    (tmp_path / "bare" / FILE_NAME).unlink()
    config = small_pretrain_config(tmp_path / "bare", tmp_path / "out", ("mini",))
    model_settings(config).objectives = ("condense", "language")
    with pytest.raises(UserError, match=r"no training scene has an annotations\.json"):
        prepared(config)


def test_what_is_shown_follows_training_and_loading(scenes: Path, tmp_path: Path):
    trainer = prepared(small_pretrain_config(scenes, tmp_path))
    pipeline = lift_pipeline(trainer)
    model = model_of(pipeline)
    _, batch = pipeline.datamanager.next_eval_image(0)
    around = VolumeAround(batch["examples"][0].volume, batch["examples"][0].pyramid)

    def shown() -> torch.Tensor:
        with torch.no_grad():
            return model.latents_of(around)

    state, before = {k: v.clone() for k, v in model.state_dict().items()}, shown()
    assert shown() is before  # nothing is worked out twice
    losses_of(trainer, 0, 3)  # fused optimisers do not raise the versions of weights
    assert not torch.equal(shown(), before)
    model.load_state_dict(state)
    assert torch.equal(shown(), before)


def test_a_killed_run_goes_on_with_the_same_losses(scenes: Path, tmp_path: Path):
    whole = prepared(small_pretrain_config(scenes, tmp_path / "whole", steps=5))
    expected = losses_of(whole, 0, 5)
    first = prepared(small_pretrain_config(scenes, tmp_path / "first", steps=5))
    assert losses_of(first, 0, 3) == expected[:3]
    first.save_checkpoint(2)
    config = small_pretrain_config(scenes, tmp_path / "second", steps=5)
    config.load_dir = first.checkpoint_dir
    assert losses_of(prepared(config), 3, 5) == expected[3:]


def test_a_checkpoint_of_another_encoder_or_preset_is_refused(scenes: Path, tmp_path: Path):
    first = prepared(small_pretrain_config(scenes, tmp_path / "first"))
    losses_of(first, 0, 1)
    first.save_checkpoint(0)
    config = small_pretrain_config(scenes, tmp_path / "other")
    config.load_dir = first.checkpoint_dir
    config.pipeline.datamanager.encoder_image_size = 32  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="trained with another encoder"):
        prepared(config)
    config = small_pretrain_config(scenes, tmp_path / "larger")
    config.load_dir, model_settings(config).preset = first.checkpoint_dir, "M"
    with pytest.raises(UserError, match="does not fit this run's network"):
        prepared(config)


def test_examples_of_a_step_share_it(scenes: Path, tmp_path: Path):
    config = small_pretrain_config(scenes, tmp_path / "both")
    config.pipeline.datamanager.examples_per_step = 2  # type: ignore[attr-defined]
    together = lift_pipeline(prepared(config))
    _, batch = together.datamanager.next_train(0)
    assert [example.scene for example in batch["examples"]] == list(TRAINING)
    model = model_of(together)
    both = model([(example, 0) for example in batch["examples"]])
    alone = [model([(example, 0)]) for example in batch["examples"]]
    for name, loss in both.items():
        torch.testing.assert_close(loss, (alone[0][name] + alone[1][name]) / 2)


def test_a_checkpoint_renders_as_the_run_did(run: Path):
    first, again = opened(run), opened(run)
    camera, _ = first.datamanager.fixed_indices_eval_dataloader[0]
    found, same = (one.model.get_outputs_for_camera(camera) for one in (first, again))
    assert list(found) == OUTPUTS
    assert all(torch.equal(found[name], same[name]) for name in OUTPUTS)
    assert found["rgb"].shape == (48, 64, 3)
    assert found["feature_pca"].std() > 0.05
    weights = weights_of(first)
    assert all(torch.equal(weights[name], value) for name, value in weights_of(again).items())


def test_held_out_views_of_the_scenes_for_tests_are_compared(run: Path, tmp_path: Path):
    pipeline = opened(run)
    loader = pipeline.datamanager.fixed_indices_eval_dataloader
    assert {batch["examples"][0].scene for _, batch in loader} == {TESTED}
    metrics = pipeline.get_average_eval_image_metrics(output_path=tmp_path)
    assert set(metrics) >= AGREEMENT
    assert metrics[f"{COLOURS} coverage"] > 0.8
    names = {file.name for file in tmp_path.iterdir()}
    assert "eval_feature_pca_0001.png" in names
    metrics, images = pipeline.get_eval_image_metrics_and_images(0)
    assert images["img"].shape == images["feature_pca"].shape == (48, 128, 3)
    assert metrics["psnr"] > 10.0


def test_viewing_needs_no_encoder(run: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*arguments):
        raise UserError("the weights are gone")

    monkeypatch.setattr("condense_ns.data.teachers.build_encoder", refuse)
    pipeline = opened(run)
    for name in (TRAINING[1], TESTED):
        pipeline.datamanager.show_scene(name)
        camera = pipeline.datamanager.train_dataset.cameras[0:1]
        found = pipeline.model.get_outputs_for_camera(camera)
        true = pipeline.datamanager.train_dataset[0]["image"]
        assert (found["rgb"] - true).abs().mean() < 0.2
        assert found["feature_pca"].std() > 0.05
    metrics, _ = pipeline.get_eval_image_metrics_and_images(0)
    assert not AGREEMENT & set(metrics)


def test_what_was_trained_is_exported(run: Path, tmp_path: Path):
    path = tmp_path / "backbone.safetensors"
    ExportBackbone(run, path, half=False).main()
    found, network = load_backbone(path), model_of(opened(run)).network
    assert found.others is not None
    pairs = [
        (found.backbone, network.backbone),
        (found.decoders, network.decoders),
        (found.others.branch_2d, network.branch_2d),
        (found.others.score_3d, network.score_3d),
    ]
    for ours, theirs in pairs:
        expected = theirs.state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in ours.state_dict().items())
    ExportBackbone(run, path).main()
    assert path.stat().st_size < 8e6
    with pytest.raises(UserError, match=r"its name must end in \.safetensors"):
        ExportBackbone(run, tmp_path / "backbone.pt").main()


def test_a_scene_without_depth_is_trained_on_by_its_photographs(tabletops: Path, tmp_path: Path):
    without_depth(tabletops / TRAINING[0], tmp_path / "bare")
    trainer = prepared(small_pretrain_config(tmp_path / "bare", tmp_path / "out"))
    kinds = set()
    for step in range(6):
        _, batch = lift_pipeline(trainer).datamanager.next_train(step)
        kinds.add(batch["examples"][0].volume.kind)
    assert kinds == {"depth", "radiance"}
    assert all(loss >= 0 for loss in losses_of(trainer, 0, 1)[0].values())


def test_a_share_of_the_examples_is_grey_and_nothing_else_of_them_changes(
    scenes: Path, tmp_path: Path
):
    config = small_pretrain_config(scenes, tmp_path)
    manager = lift_pipeline(prepared(config)).datamanager
    assert isinstance(manager, VolumeDataManager)
    opened_scene = manager.open_scenes[manager.scenes.train[0]]
    found = {}
    for share in (0.0, 0.5, 1.0):
        manager.config.grey_share = share
        draws = [np.random.default_rng(seed) for seed in range(12)]
        found[share] = [manager.example(opened_scene, draw, 0) for draw in draws]
    grey = {k: [bool((e.volume.colour == GREY).all()) for e in v] for k, v in found.items()}
    assert not any(grey[0.0])
    assert all(grey[1.0])
    assert 0 < sum(grey[0.5]) < 12
    for plain, shown in zip(found[0.0], found[1.0], strict=True):
        assert plain.numbers == shown.numbers
        assert torch.equal(plain.volume.voxel_indices, shown.volume.voxel_indices)
        assert torch.equal(plain.volume.normal, shown.volume.normal)
        assert torch.equal(plain.features[COLOURS], shown.features[COLOURS])


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_that_is_none_is_refused(scenes: Path, tmp_path: Path, share: float):
    config = small_pretrain_config(scenes, tmp_path)
    data = lift_pipeline_config(config).datamanager
    assert isinstance(data, VolumeDataManagerConfig)
    data.grey_share = share
    with pytest.raises(UserError, match=r"grey-share is .*, it must lie in \[0, 1\]"):
        prepared(config)


def test_no_encoder_is_refused(scenes: Path, tmp_path: Path):
    with pytest.raises(UserError, match="no encoder given; name one"):
        prepared(small_pretrain_config(scenes, tmp_path, ()))
