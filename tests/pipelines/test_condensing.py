"""A trained run condensed into keypoints: the painted board, whose plane is known."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.geometry.projection import project
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.pipelines.condensing import HEAD, CondenseOptions, condense
from condense_ns.pipelines.loaded_run import load_run
from condense_ns.pipelines.sparse_pipeline import SparsePipeline
from tests.sparse_run import HEIGHT, VIEWS, WIDTH, SparseRun
from tests.trained_run import TrainedRun
from tests.training import SURROUNDINGS


@pytest.fixture(scope="module")
def pipeline(sparse_run: SparseRun) -> SparsePipeline:
    return sparse_run.load()


@pytest.fixture(scope="module")
def keypoints(pipeline: SparsePipeline) -> Keypoints3D:
    """In the model's frame."""
    return condense(pipeline, CondenseOptions())


@pytest.fixture(scope="module")
def moved(keypoints: Keypoints3D) -> Keypoints3D:
    """In the dataset's."""
    return keypoints.in_frame("dataset")


def test_keypoints_lie_near_the_board(moved: Keypoints3D):
    """So short a training leaves half of the keypoints within a twentieth of the distance.

    The board has 2 x 2 units, lies at z = 0 and is seen from 3 units away; some keypoints are taken
    for farther ones, at its edges before the empty sky.
    """
    assert len(moved) >= 100
    on_board = (moved.xyz[:, :2].abs() < 1.05).all(dim=1)
    assert on_board.float().mean() > 0.6
    height = moved.xyz[on_board, 2].abs()
    assert height.median() < 0.15
    assert height.quantile(0.75) < 0.3
    assert moved.normals[on_board, 2].median() > 0.0  # towards the cameras, which are above it


def test_the_dataset_frame_is_that_of_its_own_poses(moved: Keypoints3D, sparse_run: SparseRun):
    frames = json.loads((sparse_run.scene / "transforms.json").read_text())["frames"]
    poses = {frame["file_path"]: frame["transform_matrix"] for frame in frames}
    assert len(moved.views) == VIEWS
    for view in moved.views:
        wanted = torch.tensor(poses[view.name], dtype=torch.float64)[:3]
        assert torch.allclose(view.given_pose.double(), wanted, atol=1e-4)


def test_poses_move_little_and_stay_rigid(moved: Keypoints3D):
    for view in moved.views:
        pose, given = view.camera.camera_to_world.double(), view.given_pose.double()
        assert torch.allclose(pose[:, :3].T @ pose[:, :3], torch.eye(3).double(), atol=1e-5)
        assert (pose[:, 3] - given[:, 3]).norm() < 0.2
        assert (pose[:, :3] - given[:, :3]).norm() < 0.1


def test_both_frames_tell_of_the_same_keypoints(keypoints: Keypoints3D, moved: Keypoints3D):
    assert keypoints.frame == "model"
    assert moved.frame == "dataset"
    back = moved.in_frame("model")
    assert torch.allclose(back.xyz, keypoints.xyz, atol=1e-9)
    assert torch.allclose(moved.scales, keypoints.scales * moved.to_dataset.scale)


def test_descriptors_are_unit_vectors_of_the_head_and_of_every_encoder(keypoints: Keypoints3D):
    assert {name: values.shape[1] for name, values in keypoints.descriptors.items()} == {
        HEAD: 27,
        SURROUNDINGS: 27,
    }
    for values in keypoints.descriptors.values():
        assert torch.allclose(values.norm(dim=1), torch.ones(len(keypoints)), atol=1e-4)


def test_what_is_known_of_keypoints_is_in_range(keypoints: Keypoints3D, moved: Keypoints3D):
    assert keypoints.scores.min() >= 0.0
    assert keypoints.scores.max() <= 1.0
    assert keypoints.colours.min() >= 0.0
    assert keypoints.colours.max() <= 1.0
    assert torch.allclose(keypoints.normals.norm(dim=1), torch.ones(len(keypoints)), atol=1e-4)
    assert (keypoints.uncertainty > 0.0).all()
    assert keypoints.uncertainty.isfinite().all()
    cell = 4.0  # pixels of the encoder's patch
    expected = 0.5 * cell * 3.0 / (1.2 * WIDTH)
    assert float(moved.scales.median()) == pytest.approx(expected, rel=0.3)


def test_observations_are_where_the_sets_own_cameras_see_the_keypoints(keypoints: Keypoints3D):
    seen = keypoints.observations
    assert torch.bincount(seen.keypoints, minlength=len(keypoints)).min() >= 3
    for number, view in enumerate(keypoints.views):
        here = seen.views == number
        pixels, depth = project(keypoints.xyz[seen.keypoints[here]], view.camera)
        assert (depth > 0).all()
        assert ((pixels - seen.pixels[here]).norm(dim=1) < 0.01 * WIDTH).all()
    assert (seen.pixels >= 0).all()
    assert (seen.pixels <= torch.tensor([WIDTH, HEIGHT])).all()


def test_poses_stay_as_they_are_if_they_shall(pipeline: SparsePipeline):
    fixed = condense(pipeline, CondenseOptions(adjust_poses=False))
    assert len(fixed) > 10
    for view in fixed.views:
        assert torch.allclose(view.camera.camera_to_world, view.given_pose.double(), atol=1e-5)


def test_no_more_keypoints_than_wanted(pipeline: SparsePipeline, keypoints: Keypoints3D):
    few = condense(pipeline, CondenseOptions(count=12))
    assert len(few) == 12
    assert few.observations.keypoints.max() == 11
    assert len(keypoints) > 12


def test_no_two_keypoints_are_nearer_than_the_radius(
    pipeline: SparsePipeline, keypoints: Keypoints3D
):
    sparse = condense(pipeline, CondenseOptions(radius=0.3)).in_frame("dataset")
    assert 1 < len(sparse) < len(keypoints)
    assert torch.pdist(sparse.xyz).min() > 0.3


def test_keypoints_have_the_score_and_the_place_that_is_wanted(
    pipeline: SparsePipeline, keypoints: Keypoints3D
):
    least = float(keypoints.scores.median())
    box = (-1.0, -1.0, -0.5, 0.5, 1.0, 0.5)
    chosen = condense(pipeline, CondenseOptions(min_score=least, crop=box)).in_frame("dataset")
    assert 1 < len(chosen) < len(keypoints)
    assert chosen.scores.min() >= least
    assert (chosen.xyz >= torch.tensor(box[:3])).all()
    assert (chosen.xyz <= torch.tensor(box[3:])).all()


def test_where_nothing_is_there_are_no_keypoints(pipeline: SparsePipeline):
    nothing = condense(pipeline, CondenseOptions(crop=(50.0, 50.0, 50.0, 51.0, 51.0, 51.0)))
    assert len(nothing) == 0
    assert len(nothing.observations.keypoints) == 0
    assert len(nothing.in_frame("dataset").views) == VIEWS


def blind_on(pipeline: SparsePipeline, blanks: int, patch: pytest.MonkeyPatch) -> None:
    """Let the detector find nothing in the first photographs."""
    detector, asked = pipeline.detector(), iter(range(100))

    def sees(image: Tensor) -> Keypoints2D:
        return detector(image * 0.0 if next(asked) < blanks else image)

    patch.setattr(pipeline, "detector", lambda count: sees)


def test_a_photograph_without_keypoints_is_none_of_the_others_business(
    sparse_run: SparseRun, monkeypatch: pytest.MonkeyPatch
):
    pipeline = sparse_run.load()
    blind_on(pipeline, 1, monkeypatch)
    rest = condense(pipeline, CondenseOptions())
    assert len(rest) > 10
    assert rest.observations.views.min() == 1
    assert len(rest.views) == VIEWS


def test_photographs_without_any_keypoint_are_told(
    sparse_run: SparseRun, monkeypatch: pytest.MonkeyPatch
):
    pipeline = sparse_run.load()
    blind_on(pipeline, VIEWS, monkeypatch)
    with pytest.raises(UserError, match=r"no training photograph of .* has a keypoint"):
        condense(pipeline, CondenseOptions())


def test_the_same_run_gives_the_same_set(sparse_run: SparseRun, keypoints: Keypoints3D):
    again = condense(sparse_run.load(), CondenseOptions())
    for name in ("xyz", "scores", "colours", "normals", "scales", "uncertainty"):
        assert torch.equal(getattr(again, name), getattr(keypoints, name)), name
    assert torch.equal(again.descriptors[HEAD], keypoints.descriptors[HEAD])
    assert torch.equal(again.observations.pixels, keypoints.observations.pixels)


def test_a_run_without_keypoints_is_refused(trained_run: TrainedRun):
    with pytest.raises(UserError, match="this run has no keypoints; train condense-sparse"):
        condense(load_run(trained_run.config), CondenseOptions())


def test_an_encoder_that_has_changed_is_refused(sparse_run: SparseRun):
    pipeline = sparse_run.load()
    pipeline.model.decoder(SURROUNDINGS).fingerprint.add_(1)
    with pytest.raises(UserError, match="is not the one that the run was trained with"):
        condense(pipeline, CondenseOptions())


def test_names_of_views_are_relative_to_the_scene(moved: Keypoints3D, sparse_run: SparseRun):
    assert all((sparse_run.scene / Path(view.name)).is_file() for view in moved.views)
