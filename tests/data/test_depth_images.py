"""Depth images, and what marks the unknown in them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.data.depth_images import read_depth
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from tests.data.changed_scenes import copied, rewrite
from tests.data.test_feature_datamanager import data_manager
from tests.scenes import make_textured_scene


def in_file(values: np.ndarray, folder: Path, ending: str) -> Path:
    file = folder / f"depth.{ending}"
    if ending == "npy":
        np.save(file, values)
    else:
        assert cv2.imwrite(str(file), values)
    return file


@pytest.mark.parametrize(
    ("ending", "kind"),
    [("png", np.uint8), ("png", np.uint16), ("npy", np.uint16), ("npy", np.int32)],
)
def test_the_largest_integer_is_unknown(tmp_path: Path, ending: str, kind: type):
    largest = np.iinfo(kind).max
    file = in_file(np.array([[100, largest, 0], [largest - 1, 7, largest]], kind), tmp_path, ending)
    expected = np.array([[0.1, 0.0, 0.0], [(int(largest) - 1) * 1e-3, 0.007, 0.0]])
    found = read_depth(file, 2, 3, 1e-3)
    assert found.dtype == np.float32
    assert np.allclose(found, expected, rtol=1e-5)


def test_real_numbers_mean_what_they_say(tmp_path: Path):
    file = in_file(np.array([[65535.0, 255.0]], np.float32), tmp_path, "npy")
    assert read_depth(file, 1, 2, 2.0).tolist() == [[131070.0, 510.0]]


def test_the_nearest_pixel_is_copied(tmp_path: Path):
    file = in_file(np.array([[1, 1, 9, 9], [1, 1, 9, 9]], np.uint16), tmp_path, "png")
    assert read_depth(file, 1, 2, 1.0).tolist() == [[1.0, 9.0]]
    assert read_depth(file, 4, 4, 1.0)[3].tolist() == [1.0, 1.0, 9.0, 9.0]


def test_files_that_are_no_depth(tmp_path: Path):
    (tmp_path / "a.png").write_text("words")
    (tmp_path / "a.npy").write_text("words")
    with pytest.raises(OSError, match="is no image"):
        read_depth(tmp_path / "a.png", 2, 3, 1.0)
    with pytest.raises(ValueError, match="pickle"):
        read_depth(tmp_path / "a.npy", 2, 3, 1.0)


def test_a_scene_of_many_knows_nothing_there(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "scene")
    stored = np.load(folder / "depth" / "00000.npy").round().astype(np.uint16)
    stored[:20] = 65535
    in_file(stored, folder / "depth", "png")
    rewrite(folder, lambda meta: meta["frames"][0].update(depth_file_path="depth/depth.png"))
    scene = PosedScene(ScenePlace("table", folder, "nerfstudio-data"), 64)
    depth = scene.depth(0)
    assert depth is not None
    assert (depth[:20] == 0).all()
    unit = 1e-3 * scene.train_outputs.dataparser_scale
    assert torch.allclose(depth[20:], torch.from_numpy(stored[20:].astype(np.float32)) * unit)


def test_nor_do_rays_of_a_single_scene(tmp_path: Path):
    scene = make_textured_scene(tmp_path / "deep")
    stored = np.full((48, 64), 2500, np.uint16)
    stored[:, 32:] = 65535
    Image.fromarray(stored).save(scene / "depth.png")
    rewrite(
        scene,
        lambda meta: [frame.update(depth_file_path="depth.png") for frame in meta["frames"]],
    )
    manager = data_manager(scene, tmp_path / "store")
    _, batch = manager.next_train(0)
    known = batch["indices"][:, 2] < 32
    expected = 2.5 * manager.train_dataparser_outputs.dataparser_scale * known.float()
    assert torch.allclose(batch["depth_image"][:, 0], expected, rtol=1e-3)
