"""What represents a scene."""

from dataclasses import replace

import pytest
import torch

from condense_ns.errors import UserError
from condense_ns.retrieval.scene_descriptor import (
    REGIONS,
    THUMBNAIL,
    DescriptorChoice,
    as_keypoints,
    describe_scene,
    drawn_keypoints,
    grouped,
)
from condense_ns.tensors import FeatureSource
from tests.keypoints.made_up_set import made_up_keypoints
from tests.retrieval.made_up_scenes import CHOICE, LOOKS, WORDS, made_up_scene, made_up_set


def test_everything_is_in_the_coordinates_of_the_dataset():
    keypoints = made_up_set()
    scene = describe_scene("kitchen", keypoints, CHOICE)
    expected = keypoints.in_frame("dataset").xyz
    assert torch.equal(scene.xyz, expected)
    assert torch.equal(scene.box[0], expected.amin(dim=0))
    assert torch.equal(scene.box[1], expected.amax(dim=0))
    assert scene.thumbnail.shape == (*THUMBNAIL, 3)
    assert len(scene.thumbnail.flatten(0, 1).unique(dim=0)) > len(keypoints) / 2


def test_the_scene_s_vector_is_the_mean_direction_of_its_keypoints():
    keypoints = made_up_set()
    scene = describe_scene("kitchen", keypoints, CHOICE)
    mean = keypoints.descriptors["mini"].mean(dim=0)
    assert torch.allclose(scene.embeddings["mini"], mean / mean.norm(), atol=1e-6)
    assert scene.fingerprints == {LOOKS.spec: LOOKS.fingerprint, WORDS.spec: WORDS.fingerprint}


def test_two_heaps_of_points_are_two_groups():
    left = 0.01 * torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    groups = grouped(torch.cat([left, left + 5.0]), 2)
    assert len(groups[:20].unique()) == 1
    assert len(groups[20:].unique()) == 1
    assert groups[0] != groups[20]


def test_there_are_no_more_groups_than_different_vectors():
    assert len(grouped(torch.ones(7, 2), 4).unique()) == 1
    assert len(grouped(torch.tensor([[0.0], [1.0], [1.0]]), 9).unique()) == 2


def test_a_region_of_a_word_lies_where_its_keypoints_are():
    keypoints = made_up_set(count=200)
    features = keypoints.descriptors["mini"].clone()
    xyz = keypoints.xyz.clone()
    features[:10] = torch.eye(8)[0]
    xyz[:10] = torch.tensor([9.0, 0.0, 0.0], dtype=torch.float64)
    changed = replace(keypoints, xyz=xyz, descriptors=keypoints.descriptors | {"mini": features})
    scene = describe_scene("kitchen", changed, CHOICE)
    regions = scene.regions
    assert regions is not None
    assert 1 < len(regions.xyz) <= REGIONS
    best = int((regions.embeddings @ torch.eye(8)[0]).argmax())
    there = changed.to_dataset.points(xyz[:1])[0]
    assert torch.allclose(regions.xyz[best], there)
    assert float(regions.radii[best]) < 1e-6


def test_keypoints_of_a_descriptor_keep_place_looks_and_drift():
    scene = made_up_scene()
    keypoints = as_keypoints(scene)
    assert torch.equal(keypoints.xyz, scene.xyz)
    assert torch.equal(keypoints.descriptors["head"], scene.descriptors)
    assert scene.poses is not None
    assert torch.equal(keypoints.views[1].given_pose, scene.poses[1, 1])


def test_poses_that_do_not_drift_are_left_out():
    keypoints = made_up_set()
    views = [replace(view, given_pose=view.camera.camera_to_world) for view in keypoints.views]
    scene = describe_scene("kitchen", replace(keypoints, views=tuple(views)), CHOICE)
    assert scene.poses is None
    assert as_keypoints(scene).views == ()


def test_a_set_without_words_has_no_regions():
    assert describe_scene("a", made_up_set(), DescriptorChoice(LOOKS, (LOOKS,))).regions is None


def test_a_single_keypoint_is_a_scene():
    scene = describe_scene("one", made_up_set(count=1), CHOICE)
    assert scene.regions is not None
    assert len(scene.regions.xyz) == 1


def test_the_drawing_looks_along_the_thinnest_side():
    """Points on a plane 4 wide and 1 high, which stands upright: its four corners are shown."""
    corners = torch.tensor([[0.0, 0, 0], [0, 4, 0], [0, 0, 1], [0, 4, 1]], dtype=torch.float64)
    keypoints = replace(made_up_set(count=4), xyz=corners + 1e6, colours=torch.ones(4, 3))
    rows, columns = (drawn_keypoints(keypoints)[..., 0] == 255).nonzero(as_tuple=True)
    width = THUMBNAIL[1]
    scale = (width - 4) / 4
    assert len(rows) == 4 * 4
    assert int(columns.max() - columns.min()) == pytest.approx(4 * scale, abs=2)
    assert int(rows.max() - rows.min()) == pytest.approx(scale, abs=2)


def test_a_drawing_of_many_keypoints_is_quick():
    count = 40_000  # a square matrix of them would take 13 GB
    assert drawn_keypoints(made_up_set(count=count)).shape == (*THUMBNAIL, 3)


def test_missing_features_are_told():
    other = FeatureSource("dinov2-small", "cc")
    with pytest.raises(UserError, match="no features of dinov2-small, only of gradients, mini"):
        describe_scene("kitchen", made_up_set(), DescriptorChoice(other, ()))
    with pytest.raises(UserError, match="no keypoints"):
        describe_scene("kitchen", made_up_keypoints(0), CHOICE)
