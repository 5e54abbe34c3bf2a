"""From undistorted photographs back to those that lie on the disk."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import ScenePlace
from condense_ns.pipelines.depth_keypoints import photograph_camera
from condense_ns.pipelines.original_photographs import (
    original_camera,
    original_name,
    original_pixels,
)
from tests.data.changed_scenes import copied, rewrite


def reduced(folder: Path) -> PosedScene:
    """A scene whose photographs are looked at in three quarters of their size."""
    return PosedScene(ScenePlace("bent", folder, "nerfstudio-data"), 64, largest_photograph=48)


def test_ideal_lenses_only_change_the_scale(tabletop: Path):
    scene = reduced(tabletop)
    ideal = photograph_camera(scene, 0)
    original = original_camera(scene, 0, ideal)
    assert (ideal.width, ideal.height) == (48, 36)
    assert (original.width, original.height) == (64, 48)
    pixels = torch.tensor([[0.0, 0.0], [12.0, 9.0], [48.0, 36.0]])
    found = original_pixels(pixels, ideal, original)
    torch.testing.assert_close(found, pixels * 4 / 3)


@pytest.mark.parametrize("fisheye", [False, True])
def test_what_opencv_undistorts_comes_back(tabletop: Path, tmp_path: Path, fisheye: bool):
    folder = copied(tabletop, tmp_path / "bent")
    lens = {"k1": -0.15, "k2": 0.02, "p1": 0.0 if fisheye else 0.002}
    model = "OPENCV_FISHEYE" if fisheye else "OPENCV"
    rewrite(folder, lambda meta: meta.update(lens, camera_model=model))
    scene = reduced(folder)
    for view in (0, scene.held_out[1]):
        ideal = photograph_camera(scene, view)
        original = original_camera(scene, view, ideal)
        assert original.fisheye == fisheye
        assert torch.equal(original.camera_to_world, ideal.camera_to_world)
        pixels = torch.tensor([48.0, 36.0]) * torch.rand(50, 2)
        found = original_pixels(pixels, ideal, original)
        assert float((found - pixels * 4 / 3).abs().max()) > 0.3
        (x, y), (cx, cy) = original.focal.tolist(), original.centre.tolist()
        matrix = np.array([[x, 0.0, cx], [0.0, y, cy], [0.0, 0.0, 1.0]])
        k1, k2, _, _, p1, p2 = original.distortion.tolist()
        terms = np.array([k1, k2, 0.0, 0.0] if fisheye else [k1, k2, p1, p2])
        undo: Any = cv2.fisheye.undistortPoints if fisheye else cv2.undistortPoints
        rays = undo(found.double().numpy()[:, None], matrix, terms)[:, 0]
        back = torch.from_numpy(rays).float() * ideal.focal + ideal.centre
        assert torch.allclose(back, pixels, atol=0.02)


def test_photographs_of_one_name_in_two_folders_differ(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "rig")

    def rename(meta: dict[str, Any]) -> None:
        for number, frame in enumerate(meta["frames"]):
            new = f"cam{number % 2}/{number // 2:04d}.png"
            (folder / new).parent.mkdir(exist_ok=True)
            (folder / frame["file_path"]).rename(folder / new)
            frame["file_path"] = new
        for key in [key for key in meta if key.endswith("_filenames")]:
            del meta[key]

    rewrite(folder, rename)
    scene = reduced(folder)
    names = {original_name(scene, view) for view in range(len(scene))}
    assert len(names) == len(scene)
    assert all((folder / name).is_file() for name in names)
    assert {name.partition("/")[0] for name in names} == {"cam0", "cam1"}
