"""Choosing keypoints renumbers what was seen of them; another frame changes nothing that is seen."""

import pytest
import torch

from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.keypoint_set import Observations
from tests.keypoints.made_up_set import made_up_keypoints, reprojected

PER_POINT = ("xyz", "scores", "colours", "normals", "scales", "uncertainty")


def test_observations_of_the_kept_keypoints_by_hand():
    seen = Observations(
        torch.tensor([0, 1, 1, 3, 2, 3]),
        torch.tensor([0, 0, 1, 1, 2, 0]),
        torch.arange(12.0).reshape(6, 2),
    )
    kept = seen.of(torch.tensor([False, True, False, True]))
    assert kept.keypoints.tolist() == [0, 0, 1, 1]
    assert kept.views.tolist() == [0, 1, 1, 0]
    assert kept.pixels[:, 0].tolist() == [2, 4, 6, 10]


@pytest.mark.parametrize("seed", range(3))
def test_chosen_keypoints_keep_all_that_is_known_of_them(seed):
    keypoints = made_up_keypoints(seed=seed)
    kept = torch.rand(len(keypoints), generator=torch.Generator().manual_seed(seed)) < 0.5
    chosen = keypoints.chosen(kept)
    assert len(chosen) == kept.sum()
    for name in PER_POINT:
        assert torch.equal(getattr(chosen, name), getattr(keypoints, name)[kept])
    for name, values in keypoints.descriptors.items():
        assert torch.equal(chosen.descriptors[name], values[kept])
    assert len(chosen.observations.keypoints) == kept[keypoints.observations.keypoints].sum()
    assert torch.allclose(reprojected(chosen), chosen.observations.pixels.double(), atol=1e-4)


@pytest.mark.parametrize(("count", "left"), [(0, 0), (7, 7), (20, 20), (99, 20)])
def test_the_strongest_are_the_first(count, left):
    keypoints = made_up_keypoints()
    strongest = keypoints.strongest(count)
    assert len(strongest) == left
    assert torch.equal(strongest.scores, keypoints.scores[:count])
    assert torch.allclose(reprojected(strongest), strongest.observations.pixels.double(), atol=1e-4)
    assert strongest.observations.keypoints.unique().tolist() == list(range(left))


def test_another_frame_moves_points_and_cameras_and_scales_lengths():
    keypoints = made_up_keypoints()
    moved = keypoints.in_frame("dataset")
    assert moved.frame == "dataset"
    assert torch.equal(moved.xyz, keypoints.to_dataset.points(keypoints.xyz))
    assert torch.equal(moved.scales, 2.5 * keypoints.scales)
    assert torch.equal(moved.uncertainty, 2.5 * keypoints.uncertainty)
    assert torch.allclose(moved.normals.norm(dim=1), keypoints.normals.norm(dim=1))
    assert torch.allclose(
        moved.normals[0], (keypoints.to_dataset.rotation @ keypoints.normals[0].double()).float()
    )
    assert [view.name for view in moved.views] == [view.name for view in keypoints.views]


@pytest.mark.parametrize("fisheye", [False, True])
def test_another_frame_leaves_every_pixel_where_it_was(fisheye):
    keypoints = made_up_keypoints(
        distortions=[(-0.05, 0.01, 0.0, 0.0, 0.003, 0.0)], fisheye=fisheye
    )
    before, after = reprojected(keypoints), reprojected(keypoints.in_frame("dataset"))
    assert torch.allclose(after, before, atol=1e-9)


def test_frames_there_and_back():
    keypoints = made_up_keypoints()
    back = keypoints.in_frame("dataset").in_frame("model")
    assert back.frame == "model"
    assert torch.allclose(back.xyz, keypoints.xyz, atol=1e-12)
    for name in ("normals", "scales", "uncertainty"):
        assert torch.allclose(getattr(back, name), getattr(keypoints, name), atol=1e-6)
    for ours, theirs in zip(back.views, keypoints.views, strict=True):
        pose = theirs.camera.camera_to_world.double()
        assert torch.allclose(ours.camera.camera_to_world, pose, atol=1e-12)
    assert keypoints.in_frame("model") is keypoints


def test_a_photograph_counts_its_keypoints():
    assert len(Keypoints2D(torch.zeros(5, 2), torch.zeros(5), torch.zeros(5, 8))) == 5
