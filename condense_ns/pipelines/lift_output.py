"""What `condense lift` writes: pictures and labels of views, films, points with features."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from rich.progress import track
from torch import Tensor

from condense_ns.data.feature_statistics import feature_statistics
from condense_ns.errors import UserError
from condense_ns.export.feature_points import write_feature_points
from condense_ns.export.point_cloud import read_points
from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays
from condense_ns.geometry.similarity import Similarity
from condense_ns.lifting.point_lifting import lift_to_points
from condense_ns.operators.base import Operator
from condense_ns.pipelines.scene_lifting import SceneLifter
from condense_ns.pipelines.smooth_path import smooth_path
from condense_ns.rendering.pca_colours import pca_colours
from condense_ns.report.video import write_video

RATE = 15
"""Pictures per second of a path's film."""
SLOW_RATE = 2
"""Of the film of single views."""


def write_views(
    lifter: SceneLifter,
    operator: Operator,
    views: Literal["path", "eval", "all"],
    frames: int,
    folder: Path,
) -> list[str]:
    """Lift the operator to views and write what it answers.

    Writes ``rgb/00000.png`` and ``answer/00000.png``, ``labels/00000.png`` (numbers of classes) if the
    operator has any, and ``rgb.mp4`` and ``answer.mp4``.

    Returns:
        lines to tell the user.

    Raises:
        UserError: the scene has no such views.
    """
    cameras, numbers = _cameras(lifter, views, frames)
    films: dict[str, list[UInt8[np.ndarray, "height width 3"]]] = {"rgb": [], "answer": []}
    seen = []
    for at in track(range(len(cameras)), f"Lifting {operator.spec}"):
        own = [] if numbers is None else [numbers[at]]
        view = lifter.render(cameras[[at]], exclude=own)
        answered = lifter.lifted_answer(operator, view)
        seen.append(float((view.rendered.accumulation > 0).float().mean()))
        for name, picture in (("rgb", view.picture), ("answer", answered.picture)):
            films[name].append(_bytes(picture))
            _write_png(folder / name / f"{at:05d}.png", films[name][-1])
        if answered.labels is not None:
            _write_png(folder / "labels" / f"{at:05d}.png", answered.labels.byte().cpu().numpy())
    for name, pictures in films.items():
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


def write_points_of(
    lifter: SceneLifter, operator: Operator, points: Path | None, from_depth: int, folder: Path
) -> list[str]:
    """Lift the operator's features to points and write ``points.npz`` and ``points.ply``.

    Args:
        lifter: of the scene.
        operator: whose maps are lifted.
        points: PLY file in the dataset's coordinates, or None.
        from_depth: how many points of the views' own surfaces, if there is no file.
        folder: where to write.

    Returns:
        lines to tell the user.
    """
    scene = lifter.scene
    outputs = scene.train_outputs
    to_model = Similarity.of_dataparser(outputs.dataparser_transform, outputs.dataparser_scale)
    shown = track(scene.training, "Depth of the views")
    depths = {view: lifter.depth(view) for view in shown}
    if points is not None:
        given = read_points(points)
        xyz = to_model.points(given).float()
    else:
        xyz = _surface_points(lifter, depths, from_depth)
        given = to_model.inverse().points(xyz.double())
    lifted = lift_to_points(
        xyz,
        len(scene.training),
        lambda number: lifter.seeing(
            operator, scene.training[number], depths[scene.training[number]]
        ),
    )
    seen = lifted.seen_by > 0
    if not bool(seen.any()):
        raise UserError(
            f"no view of scene {scene.name} sees a point of {points}; are they in the dataset's "
            "coordinates?"
        )
    about = feature_statistics(lifted.features[seen], operator.fingerprint)
    colours = pca_colours(lifted.features, about.mean, about.pca_basis, about.pca_range)
    known = ("seen_by", lifted.seen_by)
    write_feature_points(folder / "points.npz", given, lifted.features, colours, known)
    return [f"{len(xyz):,} points, {float(seen.float().mean()):.1%} of them seen by a view"]


def _surface_points(
    lifter: SceneLifter, depths: dict[int, Float[Tensor, "height width"]], count: int
) -> Float[Tensor, "points 3"]:
    """Points of the surfaces that the views see, evenly over the pixels of all."""
    found = []
    for view, depth in depths.items():
        centre, directions = pixel_rays(
            grid_places(depth.shape[0], depth.shape[1]), lifter.camera(view)
        )
        known = torch.nonzero(depth.flatten() > 0)[:, 0]
        found.append(centre + depth.flatten()[known, None] * directions[known])
    everything = torch.cat(found)
    if len(everything) == 0:
        raise UserError(
            f"no depth is known in scene {lifter.scene.name}; give points with --points"
        )
    step = max(1, len(everything) // count)
    return everything[::step][:count]


def _bytes(picture: Float[Tensor, "3 height width"]) -> UInt8[np.ndarray, "height width 3"]:
    return (picture.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()


def _write_png(path: Path, pixels: UInt8[np.ndarray, "..."]) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)
