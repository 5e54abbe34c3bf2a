"""A made-up scene on disk: photographs of a painted board, with exact poses."""

import json
from pathlib import Path

import numpy as np
from jaxtyping import Float
from PIL import Image

FOCAL = 1.2  # of the image's width
SKY = (0.75, 0.8, 0.85)


def make_textured_scene(folder: Path, images: int = 12, width: int = 64, height: int = 48) -> Path:
    """Write a scene in nerfstudio's format: a board of 2 x 2 units seen from an arc above it.

    The board lies in the plane z = 0; its left half (x < 0) is red with dark spots, its right half is
    blue with light stripes.

    Args:
        folder: where `transforms.json` and `images/` go; made if absent.
        images: number of photographs; with 12 or more nerfstudio keeps one for evaluation.
        width: of a photograph in pixels.
        height: of a photograph in pixels.

    Returns:
        The folder.
    """
    (folder / "images").mkdir(parents=True)
    frames = []
    for number in range(images):
        camera_to_world = looking_at_the_origin(eye_on_arc(number / max(images - 1, 1)))
        name = f"images/{number:03d}.png"
        picture = board_photograph(camera_to_world, width, height)
        Image.fromarray((picture * 255).round().astype(np.uint8)).save(folder / name)
        frames.append({"file_path": name, "transform_matrix": camera_to_world.tolist()})
    camera = {"w": width, "h": height, "cx": width / 2, "cy": height / 2}
    focal = {"fl_x": FOCAL * width, "fl_y": FOCAL * width, "camera_model": "OPENCV"}
    (folder / "transforms.json").write_text(json.dumps({**camera, **focal, "frames": frames}))
    return folder


def eye_on_arc(share: float) -> Float[np.ndarray, "3"]:
    """A place about three units from the origin; share goes from 0 to 1 along the arc."""
    angle = np.radians(-60.0 + 120.0 * share)
    rise = 1.6 + 0.4 * np.cos(5.0 * angle)
    return np.array([2.2 * np.sin(angle), -2.2 * np.cos(angle), rise])


def looking_at_the_origin(eye: Float[np.ndarray, "3"]) -> Float[np.ndarray, "4 4"]:
    """Camera-to-world matrix in OpenGL's convention (x right, y up, looking along -z)."""
    back = eye / np.linalg.norm(eye)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(back, right), back, eye], axis=1)
    return pose


def board_photograph(
    camera_to_world: Float[np.ndarray, "4 4"], width: int, height: int
) -> Float[np.ndarray, "height width 3"]:
    """What the camera sees, each pixel sampled at its centre."""
    column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    focal = FOCAL * width
    directions = np.stack(
        [(column - width / 2) / focal, (height / 2 - row) / focal, -np.ones_like(row)], axis=-1
    )
    directions = directions @ camera_to_world[:3, :3].T
    eye = camera_to_world[:3, 3]
    distance = -eye[2] / np.minimum(directions[..., 2], -1e-6)
    x, y, _ = np.moveaxis(eye + distance[..., None] * directions, -1, 0)
    spots = 0.5 + 0.5 * np.sin(9.0 * x) * np.sin(9.0 * y)
    stripes = 0.5 + 0.5 * np.sin(14.0 * (x + y))
    red = np.stack([0.5 + 0.4 * spots, 0.1 + 0.2 * spots, 0.1 + 0.0 * spots], axis=-1)
    blue = np.stack([0.1 + 0.3 * stripes, 0.2 + 0.4 * stripes, 0.8 + 0.0 * stripes], axis=-1)
    painted = np.where(x[..., None] < 0, red, blue)
    on_board = (np.abs(x) < 1.0) & (np.abs(y) < 1.0) & (directions[..., 2] < 0)
    return np.where(on_board[..., None], painted, SKY)
