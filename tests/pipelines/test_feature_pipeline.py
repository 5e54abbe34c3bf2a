"""One scene from photographs to a trained, saved, resumed run."""

import socket
from pathlib import Path

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.retrieval.asking import feature_query
from tests.scenes import make_textured_scene
from tests.training import (
    COLOURS,
    GREYS,
    feature_pipeline,
    pipeline_config,
    prepared,
    small_config,
    train,
)


def test_training_works_without_any_network(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    trainer = prepared(small_config(scene, tmp_path))
    first = train(trainer, 1)
    last = train(trainer, 25)
    for name in ("rgb_loss", "feature_cosine_loss_0", "feature_l2_loss_0"):
        assert last[name] < first[name]


def test_several_encoders_share_a_trunk_and_have_a_decoder_and_a_loss_each(
    scene: Path, tmp_path: Path
):
    trainer = prepared(small_config(scene, tmp_path, (COLOURS, GREYS)))
    model = feature_pipeline(trainer).model
    losses = train(trainer, 2)
    assert {"feature_cosine_loss_0", "feature_cosine_loss_1"} <= losses.keys()
    assert [model.decoder(spec).channels for spec in (COLOURS, GREYS)] == [3, 2]
    assert len([name for name, _ in model.named_modules() if name == "feature_field"]) == 1


def test_a_run_resumes_where_it_was(scene: Path, tmp_path: Path):
    first = prepared(small_config(scene, tmp_path / "first"))
    train(first, 3)
    config = small_config(scene, tmp_path / "second")
    pipeline_config(config).datamanager.feature_store = tmp_path / "first" / "features"
    config.load_dir = first.checkpoint_dir
    second = prepared(config)
    resumed = second.pipeline.state_dict()
    for name, value in first.pipeline.state_dict().items():
        assert torch.equal(value, resumed[name]), name


def test_a_checkpoint_of_another_encoder_is_refused(scene: Path, tmp_path: Path):
    first = prepared(small_config(scene, tmp_path / "first"))
    train(first, 1)
    config = small_config(scene, tmp_path / "second", (GREYS,))
    config.load_dir = first.checkpoint_dir
    with pytest.raises(UserError, match="trained with another encoder"):
        prepared(config)


def test_a_checkpoint_of_another_number_of_encoders_is_refused(scene: Path, tmp_path: Path):
    first = prepared(small_config(scene, tmp_path / "first"))
    train(first, 1)
    config = small_config(scene, tmp_path / "second", (COLOURS, GREYS))
    config.load_dir = first.checkpoint_dir
    with pytest.raises(UserError, match=r"features of 1 encoder\(s\), this run names 2"):
        prepared(config)


def test_a_checkpoint_with_other_parts_is_refused(scene: Path, tmp_path: Path):
    trainer = prepared(small_config(scene, tmp_path))
    state = trainer.pipeline.state_dict()
    name = next(key for key in state if "feature_field.mlp" in key)
    state["renamed"] = state.pop(name)
    with pytest.raises(UserError, match=r"does not fit this run's network: missing .*renamed"):
        trainer.pipeline.load_pipeline(state, 0)


def test_no_encoder_is_told_before_the_scene_is_read(tmp_path: Path):
    config = small_config(tmp_path / "absent", tmp_path, ())
    with pytest.raises(UserError, match="no encoder given"):
        prepared(config)


def test_viewing_extracts_nothing(scene: Path, tmp_path: Path):
    config = small_config(scene, tmp_path)
    train(prepared(config), 1)
    pipeline_config(config).datamanager.feature_store = tmp_path / "unused"
    pipeline = config.pipeline.setup(device="cpu", test_mode="test")
    pipeline.eval()
    assert not (tmp_path / "unused").exists()
    assert pipeline.model.decoder(COLOURS).channels == 3


def test_metrics_of_ns_eval_have_the_documented_keys(scene: Path, tmp_path: Path):
    trainer = prepared(small_config(scene, tmp_path))
    train(trainer, 2)
    metrics = trainer.pipeline.get_average_eval_image_metrics()
    figures = ("cos_c", "cosine", "r2", "coverage", "mvc", "rnd", "margin", "corr1", "encoder_mvc")
    assert {"psnr", "ssim", *(f"feature_0_{name}" for name in figures)} <= metrics.keys()


def test_a_scene_without_evaluation_images_trains_and_is_told_in_ns_eval(tmp_path: Path):
    few = make_textured_scene(tmp_path / "few", images=6)
    trainer = prepared(small_config(few, tmp_path))
    train(trainer, 1)
    with pytest.raises(UserError, match="no evaluation images"):
        trainer.pipeline.get_average_eval_image_metrics()


def test_outputs_have_the_same_keys_with_and_without_a_query(scene: Path, tmp_path: Path):
    pipeline = feature_pipeline(prepared(small_config(scene, tmp_path)))
    pipeline.eval()
    camera = next(iter(pipeline.datamanager.fixed_indices_eval_dataloader))[0]
    without = pipeline.model.get_outputs_for_camera(camera)
    centre = pipeline.model.decoder(COLOURS).mean
    pipeline.model.query = feature_query(COLOURS, centre[None] + 1.0, centre, 0.5, "white")
    pipeline.model.decoder(COLOURS).net[-1].bias.data.fill_(1.0)  # type: ignore[union-attr]
    with_query = pipeline.model.get_outputs_for_camera(camera)
    assert list(without) == list(with_query)
    wanted = {"rgb", "depth", "accumulation", "feature_pca", "relevancy", "query_overlay"}
    assert wanted <= without.keys()
    assert without["relevancy"].abs().max() == 0.0
    assert with_query["relevancy"].abs().max() > 0.0
    assert torch.equal(without["query_overlay"], without["rgb"])
