"""Rays, pixels and the features of those pixels."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from PIL import Image

from condense_ns.data.feature_datamanager import FeatureDataManager, FeatureDataManagerConfig
from condense_ns.errors import UserError
from tests.scenes import make_textured_scene
from tests.training import COLOURS


def data_manager(scene: Path, folder: Path, test_mode: str = "val") -> FeatureDataManager:
    """A data manager of the scene with the encoder of mean colours."""
    config = FeatureDataManagerConfig(
        dataparser=NerfstudioDataParserConfig(),
        data=scene,
        encoders=(COLOURS,),
        feature_store=folder,
        train_num_rays_per_batch=512,
    )
    return config.setup(device="cpu", test_mode=test_mode)


def test_the_feature_of_a_ray_is_that_of_its_own_pixel(scene: Path, tmp_path: Path):
    manager = data_manager(scene, tmp_path)
    _, batch = manager.next_train(0)
    feature = batch["feature"][COLOURS]
    assert feature.shape == (512, 3)
    smooth = (feature - batch["image"]).abs().mean()
    shuffled = (feature[torch.randperm(512)] - batch["image"]).abs().mean()
    assert smooth < 0.3 * shuffled


def test_images_of_several_sizes_keep_their_own_pixels(tmp_path: Path):
    scene = make_textured_scene(tmp_path / "mixed")
    meta = json.loads((scene / "transforms.json").read_text())
    for number, frame in enumerate(meta["frames"]):
        width, height = ((64, 48), (96, 72))[number % 2]
        file = scene / frame["file_path"]
        Image.open(file).resize((width, height)).save(file)
        focal = 1.2 * width
        frame.update(w=width, h=height, fl_x=focal, fl_y=focal, cx=width / 2, cy=height / 2)
    for key in ("w", "h", "fl_x", "fl_y", "cx", "cy"):
        del meta[key]
    (scene / "transforms.json").write_text(json.dumps(meta))
    manager = data_manager(scene, tmp_path / "store")
    _, batch = manager.next_train(0)
    error = (batch["feature"][COLOURS] - batch["image"]).abs().mean()
    assert error < 0.1


def test_photographs_with_a_palette_are_trained_on_in_their_colours(tmp_path: Path):
    scene = make_textured_scene(tmp_path / "board")
    plain = data_manager(scene, tmp_path / "plain").train_dataset[0]["image"]
    for file in (scene / "images").iterdir():
        with Image.open(file) as opened:
            opened.convert("RGB").quantize(256).save(file)
    manager = data_manager(scene, tmp_path / "store")
    _, batch = manager.next_train(0)
    assert (manager.train_dataset[0]["image"] - plain).abs().mean() < 0.03
    assert (batch["feature"][COLOURS] - batch["image"]).abs().mean() < 0.1


def test_masked_pixels_are_never_drawn(tmp_path: Path):
    scene = make_textured_scene(tmp_path / "masked")
    mask = np.zeros((48, 64), np.uint8)
    mask[:, :20] = 255
    Image.fromarray(mask).save(scene / "mask.png")
    meta = json.loads((scene / "transforms.json").read_text())
    for frame in meta["frames"]:
        frame["mask_path"] = "mask.png"
    (scene / "transforms.json").write_text(json.dumps(meta))
    _, batch = data_manager(scene, tmp_path / "store").next_train(0)
    assert batch["indices"][:, 2].max() < 20


def test_viewing_needs_no_encoder_and_no_features(scene: Path, tmp_path: Path):
    manager = data_manager(scene, tmp_path / "store", test_mode="test")
    assert not (tmp_path / "store").exists()
    assert len(manager.eval_dataset) == 1


def test_a_renamed_scene_keeps_its_store(scene: Path, tmp_path: Path):
    data_manager(scene, tmp_path / "store")
    (matrix,) = (tmp_path / "store").glob("*/maps.f16")
    before = matrix.stat()
    renamed = shutil.copytree(scene, tmp_path / "renamed")
    data_manager(renamed, tmp_path / "store")
    assert [matrix] == list((tmp_path / "store").glob("*/maps.f16"))
    assert (matrix.stat().st_size, matrix.stat().st_ino) == (before.st_size, before.st_ino)


def test_a_truncated_store_is_refused(scene: Path, tmp_path: Path):
    data_manager(scene, tmp_path / "store")
    matrix = next((tmp_path / "store").glob("*/maps.f16"))
    matrix.write_bytes(matrix.read_bytes()[:-10])
    with pytest.raises(UserError, match="is truncated"):
        data_manager(scene, tmp_path / "store")


def test_without_a_folder_features_lie_in_the_users_cache(
    scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = FeatureDataManagerConfig(
        dataparser=NerfstudioDataParserConfig(), data=scene, encoders=(COLOURS,)
    )
    config.setup(device="cpu", test_mode="val")
    assert next(
        (tmp_path / "condense_ns" / "features").glob("board-*/torch-colour_network*/maps.f16")
    )


def test_depth_images_travel_with_the_rays(tmp_path: Path):
    scene = make_textured_scene(tmp_path / "deep")
    meta = json.loads((scene / "transforms.json").read_text())
    for number, frame in enumerate(meta["frames"]):
        name = f"depth_{number}.png"
        Image.fromarray(np.full((48, 64), 2500, np.uint16)).save(scene / name)
        frame["depth_file_path"] = name
    (scene / "transforms.json").write_text(json.dumps(meta))
    manager = data_manager(scene, tmp_path / "store")
    _, batch = manager.next_train(0)
    scale = manager.train_dataparser_outputs.dataparser_scale
    assert torch.allclose(batch["depth_image"], torch.tensor(2.5 * scale), rtol=1e-3)
