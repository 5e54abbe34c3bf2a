"""What `condense lift` writes of views: pictures, labels, films."""

from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8, UInt16
from PIL import Image
from rich.progress import track
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.geometry.pinhole import PinholeViews
from condense_ns.operators.base import Operator
from condense_ns.pipelines.scene_lifting import SceneLifter
from condense_ns.pipelines.smooth_path import smooth_path
from condense_ns.report.video import write_video

RATE = 15
"""Pictures per second of a path's film."""
SLOW_RATE = 2
"""Of the film of single views."""
WRITTEN = (
    "rgb/*.png",
    "answer/*.png",
    "labels/*.png",
    "rgb.mp4",
    "answer.mp4",
    "points.npz",
    "points.ply",
)
"""Names of all that the command may write."""


def write_views(
    lifter: SceneLifter,
    operator: Operator,
    views: Literal["path", "eval", "all"],
    frames: int,
    folder: Path,
) -> list[str]:
    """Lift the operator to views and write what it answers.

    Writes ``rgb/00000.png`` and ``answer/00000.png``, ``labels/00000.png`` (numbers of classes; 16 bits
    of more than 256 classes) if the operator has any, and ``rgb.mp4`` and ``answer.mp4``. Answers of an
    operator that enlarges have its size, in the film without a last odd row or column.

    Returns:
        lines to tell the user.

    Raises:
        UserError: the scene has no such views.
    """
    cameras, numbers = _cameras(lifter, views, frames)
    seen = []
    for at in track(range(len(cameras)), f"Lifting {operator.spec}, the first views slowly"):
        own = [] if numbers is None else [numbers[at]]
        view = lifter.render(cameras[[at]], exclude=own)
        answered = lifter.lifted_answer(operator, view)
        seen.append(float((view.rendered.accumulation > 0).float().mean()))
        for name, picture in (("rgb", view.picture), ("answer", answered.picture)):
            _write_png(folder / name / f"{at:05d}.png", _bytes(picture))
        if answered.labels is not None:
            dtype = np.uint8 if len(operator.label_names) <= 256 else np.uint16
            labels = answered.labels.cpu().numpy().astype(dtype)
            _write_png(folder / "labels" / f"{at:05d}.png", labels)
    for name in ("rgb", "answer"):
        pictures = map(_read_png, sorted((folder / name).iterdir()))
        write_video(folder / f"{name}.mp4", pictures, RATE if views == "path" else SLOW_RATE)
    return [f"{len(cameras)} views; {np.mean(seen):.1%} of their pixels are seen by a source"]


def _cameras(
    lifter: SceneLifter, views: Literal["path", "eval", "all"], frames: int
) -> tuple[PinholeViews, list[int] | None]:
    """Cameras to render, and their numbers if they are views of the scene."""
    scene = lifter.scene
    if views == "path":
        return smooth_path(scene.views[scene.training], frames), None
    numbers = scene.held_out if views == "eval" else list(range(len(scene)))
    if not numbers:
        raise UserError(f"scene {scene.name} has no held-out views; choose --views path or all")
    return scene.views[numbers], numbers


def _bytes(picture: Float[Tensor, "3 height width"]) -> UInt8[np.ndarray, "height width 3"]:
    return (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def _write_png(path: Path, pixels: UInt8[np.ndarray, "..."] | UInt16[np.ndarray, "..."]) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)


def _read_png(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    with Image.open(path) as image:
        return np.asarray(image)
