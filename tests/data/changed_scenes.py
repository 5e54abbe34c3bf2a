"""Copies of scenes with something about them changed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

LENS_KEYS = ("w", "h", "fl_x", "fl_y", "cx", "cy", "k1", "k2", "p1", "p2")


def copied(scene: Path, to: Path) -> Path:
    """A copy of a scene's folder."""
    shutil.copytree(scene, to)
    return to


def rewrite(scene: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Change a scene's `transforms.json`."""
    file = scene / "transforms.json"
    meta = json.loads(file.read_text())
    edit(meta)
    file.write_text(json.dumps(meta))


def without_depth(scene: Path, to: Path) -> Path:
    """A copy without depth files."""
    copied(scene, to)
    rewrite(to, lambda meta: [frame.pop("depth_file_path") for frame in meta["frames"]])
    return to


def resize_frames(scene: Path, sizes: dict[int, tuple[int, int]]) -> None:
    """Give frames of a scene other sizes (width, height); what they show stays."""

    def edit(meta: dict[str, Any]) -> None:
        shared = {key: meta.pop(key) for key in LENS_KEYS if key in meta}
        for number, frame in enumerate(meta["frames"]):
            width, height = sizes.get(number, (shared["w"], shared["h"]))
            across, down = width / shared["w"], height / shared["h"]
            factors = {"w": across, "fl_x": across, "cx": across}
            factors |= {"h": down, "fl_y": down, "cy": down}
            frame.update({key: value * factors.get(key, 1) for key, value in shared.items()})
            frame.update(w=width, h=height)
            file = scene / frame["file_path"]
            Image.open(file).resize((width, height), Image.Resampling.BICUBIC).save(file)

    rewrite(scene, edit)


def make_blender_scene(folder: Path, size: int = 16, views: int = 4) -> Path:
    """A scene in Blender's format: a red disc on a transparent ground, seen from all sides."""
    down, across = np.mgrid[:size, :size] + 0.5 - size / 2
    inside = np.hypot(down, across) < size / 4
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[inside] = (255, 0, 0, 255)
    for split, count in (("train", views), ("test", 2)):
        (folder / split).mkdir(parents=True)
        frames = []
        for number in range(count):
            angle = 2 * np.pi * number / count + (0.3 if split == "test" else 0.0)
            pose = np.eye(4)
            back = np.array([np.cos(angle), np.sin(angle), 0.0])
            pose[:3, :3] = np.stack([np.cross([0, 0, 1.0], back), [0, 0, 1.0], back], axis=1)
            pose[:3, 3] = 4 * back
            Image.fromarray(pixels).save(folder / split / f"r_{number}.png")
            name = f"./{split}/r_{number}"
            frames.append({"file_path": name, "transform_matrix": pose.tolist()})
        content = {"camera_angle_x": 0.7, "frames": frames}
        (folder / f"transforms_{split}.json").write_text(json.dumps(content))
    return folder


def make_colmap_scene(scene: Path, to: Path) -> Path:
    """A scene as COLMAP leaves it: its model as text, some pixels lifted as sparse points."""
    shutil.copytree(scene / "images", to / "images")
    model = to / "sparse" / "0"
    model.mkdir(parents=True)
    meta = json.loads((scene / "transforms.json").read_text())
    lens = [meta[key] for key in ("w", "h", "fl_x", "fl_y", "cx", "cy")]
    (model / "cameras.txt").write_text(f"1 PINHOLE {' '.join(map(str, lens))}\n")
    images, points = [], []
    for number, frame in enumerate(meta["frames"], start=1):
        pose = np.array(frame["transform_matrix"])
        axes = pose[:3, :3] * [1, -1, -1]  # OpenCV's
        x, y, z, w = Rotation.from_matrix(axes.T).as_quat()
        shift = -axes.T @ pose[:3, 3]
        name = Path(frame["file_path"]).name
        images.append(f"{number} {w} {x} {y} {z} {' '.join(map(str, shift))} 1 {name}\n\n")
        depth = np.load(scene / frame["depth_file_path"]) / 1000
        down, across = np.mgrid[4 : meta["h"] : 8, 4 : meta["w"] : 8].reshape(2, -1)
        rays = [(across + 0.5 - lens[4]) / lens[2], (down + 0.5 - lens[5]) / lens[3], 1 + 0 * down]
        points.append((np.stack(rays) * depth[down, across]).T @ axes.T + pose[:3, 3])
    (model / "images.txt").write_text("".join(images))
    lines = [f"{at} {x} {y} {z} 9 9 9 0.1\n" for at, (x, y, z) in enumerate(np.concatenate(points))]
    (model / "points3D.txt").write_text("".join(lines))
    return to


def give_masks(scene: Path, masks: dict[int, np.ndarray], whole: tuple[int, int]) -> Path:
    """Give all frames of a scene masks, in files of 0 and 255; returns the scene.

    Args:
        scene: its folder.
        masks: number of a frame -> which of its pixels are to be used; others are to be used whole.
        whole: height and width of the latter.
    """
    (scene / "masks").mkdir()

    def edit(meta: dict[str, Any]) -> None:
        for number, frame in enumerate(meta["frames"]):
            used = masks.get(number, np.ones(whole, dtype=bool))
            frame["mask_path"] = f"masks/{number:05d}.png"
            Image.fromarray(used.astype(np.uint8) * 255).save(scene / frame["mask_path"])

    rewrite(scene, edit)
    return scene


def paint_over(scene: Path, frame: int, hidden: np.ndarray, seed: int | None = None) -> None:
    """Put green, or noise, over part of a frame of a scene.

    Args:
        scene: its folder.
        frame: number of the frame.
        hidden: pixels to paint over.
        seed: of the noise; None for green.
    """
    meta = json.loads((scene / "transforms.json").read_text())
    file = scene / meta["frames"][frame]["file_path"]
    with Image.open(file) as opened:
        pixels = np.array(opened.convert("RGB"))
    if seed is None:
        pixels[hidden] = (0, 255, 0)
    else:
        noise = np.random.default_rng(seed).integers(0, 256, (int(hidden.sum()), 3))
        pixels[hidden] = noise.astype(np.uint8)
    Image.fromarray(pixels).save(file)
