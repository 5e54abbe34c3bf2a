"""What the host's viewer and renderer know of a scene."""

from pathlib import Path

import numpy as np
import torch

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.working_images import WorkingImages
from tests.data.changed_scenes import make_blender_scene


def test_images_and_cameras_are_the_working_ones(tabletop: Path):
    scene = PosedScene(ScenePlace("table", tabletop, "nerfstudio-data"), 32)
    shown = WorkingImages(scene, scene.held_out)
    assert len(shown) == len(shown.cameras) == 2
    item = shown[1]
    assert item["image_idx"] == 1
    assert torch.equal(item["image"], scene.image(13).permute(1, 2, 0))
    assert shown.get_numpy_image(1).dtype == np.uint8
    assert np.abs(shown.get_numpy_image(1) / 255 - item["image"].numpy()).max() < 0.003
    assert (shown.cameras[1].width.item(), shown.cameras[1].height.item()) == (32, 24)
    assert shown.cameras[1].fx.item() == scene.views.intrinsics[13, 0, 0].item()
    assert shown.image_filenames == [scene.file(12), scene.file(13)]
    assert shown.metadata == {}


def test_poses_can_be_taken_back_to_the_dataset_s_world(tabletop: Path):
    scene = PosedScene(ScenePlace("table", tabletop, "nerfstudio-data"), 32)
    shown, parsed = WorkingImages(scene, scene.training), scene.train_outputs
    assert shown._dataparser_outputs.dataparser_scale == parsed.dataparser_scale
    found, expected = shown.cameras.camera_to_worlds, parsed.cameras.camera_to_worlds
    assert torch.allclose(found, expected, atol=1e-5)


def test_transparent_images_are_shown_on_their_ground(tmp_path: Path):
    folder = make_blender_scene(tmp_path / "disc")
    scene = PosedScene(ScenePlace("disc", folder, "blender-data"), 16)
    image = WorkingImages(scene, [0])[0]["image"]
    assert image.shape == (16, 16, 3)
    assert image[0, 0].tolist() == [1.0, 1.0, 1.0]


def test_a_scene_without_held_out_views_shows_none(tmp_path: Path):
    folder = make_blender_scene(tmp_path / "disc")
    (folder / "transforms_test.json").unlink()
    scene = PosedScene(ScenePlace("disc", folder, "blender-data"), 16)
    assert not WorkingImages(scene, scene.held_out)
