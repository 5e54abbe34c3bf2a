"""Keypoints of a made-up scene, lifted by its exact depth."""

import json
from pathlib import Path

import pytest
import torch

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.geometry.projection import project
from condense_ns.keypoints.keypoint_set import Keypoints3D
from condense_ns.pipelines.condensing import CondenseOptions
from condense_ns.pipelines.depth_keypoints import keypoints_from_depth
from condense_ns.pipelines.photo_detector import PhotoDetector, plain_detector
from condense_ns.pipelines.scene_lifting import open_scene

WIDTH = 64


@pytest.fixture(scope="module")
def detector() -> PhotoDetector:
    return plain_detector(build_encoder("gradients"), max_keypoints=200)


@pytest.fixture(scope="module")
def keypoints(tabletop: Path, detector: PhotoDetector) -> Keypoints3D:
    options = CondenseOptions(count=60, adjust_poses=False)
    return keypoints_from_depth(open_scene(tabletop, WIDTH), detector, options=options)


def test_keypoints_lie_where_photographs_show_them(keypoints):
    assert 10 < len(keypoints) <= 60
    seen, off = keypoints.observations, []
    for number, view in enumerate(keypoints.views):
        here = seen.views == number
        pixels, depths = project(keypoints.xyz[seen.keypoints[here]], view.camera)
        assert (depths > 0).all()
        off.append(torch.linalg.vector_norm(pixels - seen.pixels[here], dim=1))
    assert float(torch.cat(off).median()) < 1.0
    assert float(torch.cat(off).max()) < 4.0


def test_everything_is_in_the_dataset_s_coordinates(keypoints, tabletop):
    frames = json.loads((tabletop / "transforms.json").read_text())["frames"]
    true = {str(Path(one["file_path"])): one["transform_matrix"] for one in frames}
    assert keypoints.frame == "dataset"
    for view in keypoints.views:
        expected = torch.tensor(true[view.name], dtype=torch.float64)[:3]
        assert torch.allclose(view.given_pose, expected, atol=1e-4)
        assert torch.allclose(view.camera.camera_to_world.double(), expected, atol=1e-4)
    low, high = keypoints.xyz.amin(dim=0), keypoints.xyz.amax(dim=0)
    assert float(low[2]) > -0.2  # the floor
    assert float((high - low).max()) < 6.0  # the room


def test_pixels_are_those_of_the_files_however_small_the_photographs_are_seen(tabletop, detector):
    place = ScenePlace(tabletop.name, tabletop, "nerfstudio-data")
    scene = PosedScene(place, WIDTH, largest_photograph=56)
    found = keypoints_from_depth(scene, detector, options=CondenseOptions(40, adjust_poses=False))
    seen, off = found.observations, []
    for number, view in enumerate(found.views):
        assert (view.camera.width, view.camera.height) == (64, 48)
        here = seen.views == number
        pixels, _ = project(found.xyz[seen.keypoints[here]], view.camera)
        off.append(torch.linalg.vector_norm(pixels - seen.pixels[here], dim=1))
    assert float(torch.cat(off).median()) < 1.2


def test_features_are_unit_vectors_of_the_encoder(keypoints):
    features = keypoints.descriptors["gradients"]
    assert features.shape == (len(keypoints), 36)
    assert torch.allclose(features.norm(dim=1), torch.ones(len(keypoints)), atol=1e-4)
    assert (keypoints.scales > 0).all()


def test_a_scene_whose_depth_nothing_tells_is_refused(scene: Path, detector: PhotoDetector):
    with pytest.raises(UserError, match=r"no keypoint of scene \w+ has a depth"):
        keypoints_from_depth(open_scene(scene, WIDTH), detector, views=[0])
