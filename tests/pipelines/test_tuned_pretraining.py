"""Last blocks of an encoder as the 2D branch: trained, resumed, evaluated, exported, used on photographs."""

from pathlib import Path

import pytest
import torch
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.utils.eval_utils import eval_setup
from safetensors import safe_open

from condense_ns.benchmarks.map_probe import probed_maps
from condense_ns.commands.encode import Encode
from condense_ns.commands.export_backbone import ExportBackbone
from condense_ns.data.scene_list import read_scene_list
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members
from condense_ns.fields.backbone_file import load_backbone
from condense_ns.fields.encoder_tail import EncoderTail
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipeline
from condense_ns.pipelines.photo_detector import plain_detector
from condense_ns.pipelines.refined_encoder import photo_encoder
from condense_ns.pretraining.pretrain_example import PretrainExample
from tests.lift_run import lift_pipeline, trained, write_list
from tests.pretrain_run import (
    losses_of,
    model_of,
    model_settings,
    small_pretrain_config,
    weights_of,
)
from tests.tiny_transformers import write_dinov2
from tests.training import COLOURS, prepared

TAIL = "branch_2d.refiners.0."


@pytest.fixture(scope="module")
def scenes(tabletops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_list(tabletops, tmp_path_factory.mktemp("tuned") / "list.yaml")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("dinov2")
    return write_dinov2(folder, registers=True, image_size=64, patch_size=8)


def settings(
    scenes: Path, out: Path, spec: str, blocks: int = 2, rank: int = 4, steps: int = 4
) -> TrainerConfig:
    """Of a run that tunes an encoder, with large steps."""
    config = small_pretrain_config(scenes, out, (spec,), steps)
    model = model_settings(config)
    model.tuned_blocks, model.lora_rank = blocks, rank
    for name in ("lora", "tuned_blocks"):
        config.optimizers[name]["optimizer"].lr = 1e-2
    return config


@pytest.fixture(scope="module", params=[4, 0], ids=["updates", "whole"])
def run(request, scenes: Path, spec: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.yml of a run with low-rank updates, and of one without."""
    config = settings(scenes, tmp_path_factory.mktemp("run"), spec, rank=request.param)
    return trained(config).base_dir / "config.yml"


def opened(run: Path) -> CrossScenePipeline:
    """The run as ns-eval opens it."""
    _, pipeline, _, _ = eval_setup(run, test_mode="test")
    assert isinstance(pipeline, CrossScenePipeline)
    return pipeline


def tail_of(trainer: Trainer, spec: str) -> EncoderTail:
    tail = model_of(lift_pipeline(trainer)).network.branch_2d.tail(spec)
    assert tail is not None
    return tail


def example_of(trainer: Trainer) -> PretrainExample:
    return lift_pipeline(trainer).datamanager.next_train(0)[1]["examples"][0]


@pytest.mark.parametrize("rank", [0, 4])
def test_before_training_the_branch_answers_what_the_encoder_does(
    scenes: Path, tmp_path: Path, spec: str, rank: int
):
    trainer = prepared(settings(scenes, tmp_path, spec, rank=rank))
    network, example = model_of(lift_pipeline(trainer)).network, example_of(trainer)
    original = network.standardised(spec, example.features[spec])
    refined = network.refined(spec, original, example.trunks[spec])
    assert example.trunks[spec][0].shape == (6 + 1, 8, 12)  # five tokens in a row of their own
    assert (refined - original).abs().max() < 0.02  # both are stored in half precision
    assert (refined - original).norm() < 2e-3 * original.norm()
    assert losses_of(trainer, 0, 1)[0]["anchor_loss"] < 1e-4


@pytest.mark.parametrize("rank", [0, 4])
def test_blocks_learn_and_what_stands_below_low_rank_updates_does_not(
    scenes: Path, tmp_path: Path, spec: str, rank: int
):
    trainer = prepared(settings(scenes, tmp_path, spec, rank=rank))
    pipeline, tail = lift_pipeline(trainer), tail_of(trainer, spec)
    groups = model_of(pipeline).get_param_groups()
    assert set(groups) == {"network", "lora" if rank else "tuned_blocks"}
    counted = [id(weight) for weights in groups.values() for weight in weights]
    assert len(counted) == len(set(counted))
    before = weights_of(pipeline)
    found = losses_of(trainer, 0, 3)
    assert set(found[0]) >= {"anchor_loss", "steady_loss", "refined_loss", "lifted_loss"}
    assert found[2]["anchor_loss"] > 1e-4
    changed = {name for name, w in weights_of(pipeline).items() if not w.equal(before[name])}
    names = {name for name, _ in tail.named_parameters()}
    learned = {name.removeprefix(TAIL) for name in changed if name.startswith(TAIL)}
    assert learned == names - tail.of_the_encoder
    assert bool(tail.of_the_encoder) == bool(rank)


def test_clip_can_be_tuned_for_all_objectives(scenes: Path, tmp_path: Path):
    config = settings(scenes, tmp_path, "mini")
    model_settings(config).objectives = ("condense", "mvnet", "sparse", "language")
    trainer = prepared(config)
    losses = losses_of(trainer, 0, 2)
    assert len(losses[0]) == 13
    assert losses[0]["anchor_loss"] < 1e-3 < losses[1]["anchor_loss"]
    assert model_of(lift_pipeline(trainer)).network.branch_2d.tail_sizes["mini"]["own_values"]


def test_without_an_objective_for_2d_blocks_stay_as_they_are(
    scenes: Path, tmp_path: Path, spec: str
):
    config = settings(scenes, tmp_path, spec)
    model_settings(config).objectives = ("mvnet", "sparse")
    trainer = prepared(config)
    before = weights_of(lift_pipeline(trainer))
    losses_of(trainer, 0, 2)
    after = weights_of(lift_pipeline(trainer))
    assert all(w.equal(before[name]) for name, w in after.items() if name.startswith(TAIL))
    assert any(not w.equal(before[name]) for name, w in after.items())


def test_a_killed_run_goes_on_with_the_same_losses(scenes: Path, tmp_path: Path, spec: str):
    whole = prepared(settings(scenes, tmp_path / "whole", spec))
    expected = losses_of(whole, 0, 4)
    first = prepared(settings(scenes, tmp_path / "first", spec))
    assert losses_of(first, 0, 2) == expected[:2]
    first.save_checkpoint(1)
    config = settings(scenes, tmp_path / "second", spec)
    config.load_dir = first.checkpoint_dir
    assert losses_of(prepared(config), 2, 4) == expected[2:]


def test_a_checkpoint_of_another_2d_branch_is_refused(scenes: Path, tmp_path: Path, spec: str):
    first = prepared(settings(scenes, tmp_path / "first", spec))
    losses_of(first, 0, 1)
    first.save_checkpoint(0)
    for (blocks, rank), told in {
        (0, 8): "rank 4, that of this run an adapter: resume with --pipeline.model.tuned-blocks 2 "
        "--pipeline.model.lora-rank 4, or start",
        (
            2,
            0,
        ): "updates of rank 4, that of this run the last 2 blocks of the encoder, whole: resume",
        (1, 4): "last 2 blocks .* that of this run the last block of the encoder, with updates",
    }.items():
        config = settings(scenes, tmp_path / "second", spec, blocks, rank)
        config.load_dir = first.checkpoint_dir
        with pytest.raises(UserError, match=told):
            prepared(config)


def test_what_cannot_be_tuned_is_told(scenes: Path, tmp_path: Path, spec: str):
    for encoder, blocks, rank, told in (
        (COLOURS, 1, 4, "network has no transformer blocks that could be tuned; name encoders"),
        (spec, 4, 4, r"has 3 blocks, of which 4 cannot be tuned; set .*tuned-blocks 3 or less"),
        (spec, 1, 13, r"lora-rank is 13, but tokens of .* have 12 numbers; give 12 or less, or 0"),
        (spec, -1, 4, "tuned-blocks is -1, it must be at least 0"),
        (spec, 1, -4, "lora-rank is -4, it must be at least 0"),
    ):
        with pytest.raises(UserError, match=told):
            prepared(settings(scenes, tmp_path, encoder, blocks, rank))


def test_held_out_views_are_compared_and_viewing_needs_no_encoder(
    run: Path, spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    metrics = opened(run).get_average_eval_image_metrics(output_path=tmp_path)
    assert 0.1 < metrics[f"{spec} cos_c of refined"] < 0.9999

    def refuse(*arguments):
        raise UserError("the weights are gone")

    monkeypatch.setattr("condense_ns.data.teachers.build_encoder", refuse)
    pipeline = opened(run)
    camera = pipeline.datamanager.train_dataset.cameras[0:1]
    assert pipeline.model.get_outputs_for_camera(camera)["feature_pca"].std() > 0.01
    metrics, _ = pipeline.get_eval_image_metrics_and_images(0)
    assert f"{spec} cos_c" not in metrics


def test_what_was_trained_refines_photographs(
    run: Path, spec: str, tabletop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, image = tmp_path / "tuned.safetensors", tabletop / "images" / "00000.png"
    ExportBackbone(run, file, half=False).main()
    Encode(image, spec, None, tmp_path / "own.npz", image_size=64).main()
    Encode(image, spec, file, tmp_path / "refined.npz").main()
    assert "6 x 8 cells of 12 channels" in capsys.readouterr().out
    own, refined = (
        torch.from_numpy(read_members(tmp_path / f"{name}.npz", ("features",))["features"])
        for name in ("own", "refined")
    )
    assert (refined - own).abs().max() > 0.01
    pipeline = opened(run)
    pipeline.datamanager.show_scene(tabletop.name)
    scene = pipeline.datamanager.shown
    names = [scene.scene.file(view).name for view in range(len(scene.scene))]
    trunk = scene.maps(spec, 2).map(names.index("00000.png"))
    tail = model_of(pipeline).network.branch_2d.tail(spec)
    assert tail is not None
    with torch.no_grad():
        torch.testing.assert_close(refined, tail(trunk[None])[0], atol=0.02, rtol=0.01)
    encoder = photo_encoder(f"backbone:{file}")
    assert encoder.grid_size(48, 64) == (6, 8)
    keypoints = plain_detector(encoder)(scene.scene.photograph(0))
    assert len(keypoints) > 10
    assert keypoints.descriptors.shape == (len(keypoints), 12)


def test_the_file_holds_updates_or_whole_blocks(run: Path, spec: str, tmp_path: Path):
    file = tmp_path / "tuned.safetensors"
    ExportBackbone(run, file).main()
    saved, tail = load_backbone(file).others, model_of(opened(run)).network.branch_2d.tail(spec)
    assert saved is not None
    assert tail is not None
    with safe_open(file, framework="pt") as written:
        names = {name for name in written.keys() if name.startswith(TAIL)}  # noqa: SIM118
    rank = tail.shape.rank
    assert names == {TAIL + name for name in tail.state_dict()} - {
        TAIL + name for name in tail.of_the_encoder
    }
    assert all(name.endswith((".down", ".up")) for name in names) == bool(rank)
    found = saved.branch_2d.tail(spec)
    assert found is not None
    assert found.lacks_encoder == bool(rank)
    assert found.shape == tail.shape
    if rank:
        name = "blocks.1.mlp.widen.up"
        kept, own = found.get_parameter(name), tail.get_parameter(name)
        assert own.any()
        assert torch.equal(kept, own.half().float())


def test_another_encoder_is_refused(run: Path, spec: str, tmp_path: Path, tabletop: Path):
    file, image = tmp_path / "tuned.safetensors", tabletop / "images" / "00000.png"
    ExportBackbone(run, file).main()
    folder = Path(spec.partition(":")[2])
    kept = {path: path.read_bytes() for path in folder.iterdir()}
    write_dinov2(folder, registers=True, seed=1, image_size=64, patch_size=8)
    try:
        with pytest.raises(UserError, match="of other weights or settings; put them back"):
            Encode(image, spec, file, tmp_path / "refined.npz").main()
    finally:
        for path, content in kept.items():
            path.write_bytes(content)


def test_layers_are_probed_on_refined_maps(run: Path, spec: str, tabletop: Path, tmp_path: Path):
    file = tmp_path / "tuned.safetensors"
    ExportBackbone(run, file).main()
    encoder = build_encoder(spec, image_size=64)
    maps = probed_maps(read_scene_list(tabletop), encoder, every=4)
    refined = maps.refined(encoder, load_backbone(file))
    assert (len(refined.train), len(refined.test)) == (len(maps.train), len(maps.test))
    expected = photo_encoder(f"backbone:{file}")
    scene, view = maps.photographs[-1]
    found = expected.encode(scene.photograph(view)[None])[0]
    torch.testing.assert_close(refined.test[-1].features, found, atol=0.02, rtol=0.01)
    assert torch.equal(refined.test[-1].labels, maps.test[-1].labels)
