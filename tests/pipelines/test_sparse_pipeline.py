"""condense-sparse as a pipeline: when keypoints are trained, and what is left of it on disk."""

import sys
from pathlib import Path

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.models.keypoint_training import LOSSES
from condense_ns.pipelines.sparse_pipeline import SparsePipeline
from tests.sparse_run import (
    EVERY,
    HEIGHT,
    IMAGE_SIZE,
    START,
    WIDTH,
    SparseRun,
    small_sparse_config,
    sparse_pipeline,
    sparse_pipeline_config,
)
from tests.training import prepared

NAMES = {f"keypoint_{name}_loss" for name in LOSSES}
GEOMETRY = ("field", "proposal_networks", "camera_optimizer", "feature_field", "decoders")


@pytest.fixture(scope="module")
def resumed(sparse_run: SparseRun, tmp_path_factory: pytest.TempPathFactory) -> SparsePipeline:
    """The trained run, in training."""
    config = small_sparse_config(sparse_run.scene, tmp_path_factory.mktemp("resumed"))
    config.load_dir = sparse_run.config.parent / "nerfstudio_models"
    return sparse_pipeline(prepared(config))


def keypoint_losses(pipeline: SparsePipeline, step: int) -> dict[str, torch.Tensor]:
    """Those of a step, by name."""
    _, losses, _ = pipeline.get_train_loss_dict(step)
    return {name: loss for name, loss in losses.items() if name.startswith("keypoint_")}


def has_gradients(module: torch.nn.Module) -> bool:
    """Whether any parameter has one that is not zero."""
    return any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())


def test_keypoints_are_trained_from_their_start_on_every_few_steps(resumed: SparsePipeline):
    steps = range(START - 2, START + 2 * EVERY + 1)
    found = {step: keypoint_losses(resumed, step) for step in steps}
    assert [step for step in steps if found[step]] == [START, START + EVERY, START + 2 * EVERY]
    assert all(set(losses) == NAMES for losses in found.values() if losses)
    assert all(loss.isfinite() for losses in found.values() for loss in losses.values())
    assert resumed.model.training


def test_keypoint_losses_reach_head_and_scores_but_no_geometry(resumed: SparsePipeline):
    resumed.zero_grad()
    losses = keypoint_losses(resumed, START)
    torch.stack(list(losses.values())).sum().backward()
    model = resumed.model
    assert has_gradients(model.keypoint_head)
    assert has_gradients(model.keypoint_field)
    for name in GEOMETRY:
        assert not has_gradients(getattr(model, name)), name
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_keypoint_losses_are_in_full_precision_whatever_the_rest_is_in(resumed: SparsePipeline):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = keypoint_losses(resumed, START)
    assert all(loss.dtype == torch.float32 for loss in losses.values())


def test_the_prior_fades_to_a_tenth(resumed: SparsePipeline):
    model, end = resumed.model, START + resumed.config.keypoint_steps
    step = START + EVERY * -(-(end - START) // EVERY)  # the same draw, first and last in progress
    resumed.config.keypoint_steps, kept = 10**9, resumed.config.keypoint_steps
    early = keypoint_losses(resumed, step)["keypoint_prior_loss"]
    resumed.config.keypoint_steps = kept
    late = keypoint_losses(resumed, step)["keypoint_prior_loss"]
    assert model.config.keypoint_prior_loss_mult == 1.0
    assert torch.allclose(late, 0.1 * early, rtol=1e-3)


def test_a_training_that_ends_before_keypoints_start_is_warned_of(
    sparse_run: SparseRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = small_sparse_config(sparse_run.scene, tmp_path)
    config.max_num_iterations = START
    prepared(config)
    told = [line for line in capsys.readouterr().out.splitlines() if "keypoints" in line]
    assert told == [
        f"keypoints will not be trained: training ends after {START} steps and they start at step {START}; "
        "give a smaller --pipeline.keypoint-start"
    ]
    config.max_num_iterations = START + 1
    prepared(config)
    assert "keypoints" not in capsys.readouterr().out


def test_pictures_in_evaluation_have_the_same_keys_for_every_camera(sparse_run: SparseRun):
    pipeline = sparse_run.load()
    cameras = pipeline.datamanager.train_dataset.cameras
    first, second = (pipeline.model.get_outputs_for_camera(cameras[i : i + 1]) for i in (0, 5))
    assert list(first) == list(second)
    assert {"rgb", "depth", "normals", "feature_pca", "keypoint_score"} <= first.keys()
    scores = first["keypoint_score"]
    assert scores.shape == (HEIGHT, WIDTH, 1)
    assert scores.min() >= 0.0
    assert 0.0 < scores.max() <= 1.0


def test_a_reloaded_run_detects_the_same(sparse_run: SparseRun):
    first, second = sparse_run.load(), sparse_run.load()
    assert first.model.keypoint_head is not second.model.keypoint_head
    photograph = first.datamanager.eval_dataset.get_image_float32(0).permute(2, 0, 1).contiguous()
    found, again = first.detector()(photograph), second.detector(10_000)(photograph)
    assert len(found) > 20
    for name in ("pixels", "scores", "descriptors"):
        assert torch.equal(getattr(found, name), getattr(again, name))
    assert len(first.detector(7)(photograph)) == 7


def test_the_panel_has_keypoints(sparse_run: SparseRun):
    pipeline = sparse_run.load()
    scene = pipeline.panel.panel.scene
    assert scene.has_keypoints
    keypoints = scene.keypoints()
    assert keypoints is not None
    assert len(keypoints) > 10
    assert keypoints.frame == "model"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("keypoint_start", -1, "--pipeline.keypoint-start is -1, it must be at least 0"),
        ("keypoint_steps", 0, "--pipeline.keypoint-steps is 0, it must be at least 1"),
        ("keypoint_every", 0, "--pipeline.keypoint-every is 0, it must be at least 1"),
        ("keypoint_prior", "sift", "unknown prior 'sift'"),
        ("model.keypoint_image_size", 8, "model.keypoint-image-size is 8, it must be at least 32"),
        ("model.keypoint_descriptor_dim", 0, "model.keypoint-descriptor-dim is 0"),
        ("model.keypoint_samples_per_ray", 0, "model.keypoint-samples-per-ray is 0"),
        ("model.keypoint_place_loss_mult", -0.5, "keypoint-place-loss-mult is -0.5, it must be"),
        ("model.keypoint_prior_loss_mult", float("nan"), "keypoint-prior-loss-mult is nan"),
    ],
)
def test_options_out_of_range_are_told_in_one_sentence_before_the_scene_is_read(
    name: str, value: object, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    config = small_sparse_config(tmp_path / "absent", tmp_path)
    owner = sparse_pipeline_config(config)
    setattr(owner.model if "." in name else owner, name.split(".")[-1], value)
    with pytest.raises(UserError, match=sentence):
        prepared(config)
    assert getattr(sys.excepthook, "is_one_sentence", False)


def test_the_head_sees_the_resized_photograph(sparse_run: SparseRun):
    head = sparse_run.load().model.keypoint_head
    assert head.resized_size(HEIGHT, WIDTH) == (IMAGE_SIZE * HEIGHT // WIDTH, IMAGE_SIZE)
