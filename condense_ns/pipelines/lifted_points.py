"""What `condense lift` writes of points: features of the operator on points of a file, or of the views' surfaces."""

from pathlib import Path

import torch
from jaxtyping import Float, Float64
from rich.progress import track
from torch import Tensor

from condense_ns.data.feature_statistics import feature_statistics
from condense_ns.data.saved_points import saved_to_model
from condense_ns.errors import UserError
from condense_ns.export.feature_points import write_feature_points
from condense_ns.geometry.pinhole import grid_places, pixel_rays
from condense_ns.geometry.similarity import Similarity
from condense_ns.lifting.point_lifting import lift_to_points, visible_points
from condense_ns.operators.base import Operator
from condense_ns.pipelines.scene_lifting import SceneLifter
from condense_ns.rendering.pca_colours import pca_colours

LOOKED_AT = 2000
"""Points that tell which coordinates a file has."""
Depths = dict[int, Float[Tensor, "height width"]]
"""Of training views by their numbers."""


def write_points_of(
    lifter: SceneLifter,
    operator: Operator,
    points: Float64[Tensor, "points 3"] | None,
    from_depth: int,
    folder: Path,
) -> list[str]:
    """Lift the operator's features to points and write ``points.npz`` and ``points.ply``.

    Points may have the dataset's coordinates or those of transforms.json, which differ in scenes of
    ns-process-data: those count in which the views see more of them. They are written as they were given, and
    the views' own points in the dataset's coordinates.

    Args:
        lifter: of the scene.
        operator: whose maps are lifted.
        points: positions, or None for the views' own surfaces.
        from_depth: how many points of those.
        folder: where to write.

    Returns:
        lines to tell the user.

    Raises:
        UserError: no view sees any of the points.
    """
    scene, told = lifter.scene, []
    shown = track(scene.training, "Depth of the views")
    depths = {view: lifter.depth(view) for view in shown}
    if points is None:
        xyz = _surface_points(lifter, depths, from_depth)
        outputs = scene.train_outputs
        moved = Similarity.of_dataparser(outputs.dataparser_transform, outputs.dataparser_scale)
        points = moved.inverse().points(xyz.double())
    else:
        name, moved = _frame_of(points, lifter, depths)
        told = [f"points are in the coordinates of {name}"]
        xyz = moved.points(points).float()
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
            f"no view of scene {scene.name} sees any of the points; are they in the dataset's coordinates?"
        )
    about = feature_statistics(lifted.features[seen], operator.fingerprint)
    colours = pca_colours(lifted.features, about.mean, about.pca_basis, about.pca_range)
    known = ("seen_by", lifted.seen_by)
    write_feature_points(folder / "points.npz", points, lifted.features, colours, known)
    return [*told, f"{len(xyz):,} points, {float(seen.float().mean()):.1%} of them seen by a view"]


def _frame_of(
    points: Float64[Tensor, "points 3"], lifter: SceneLifter, depths: Depths
) -> tuple[str, Similarity]:
    """Name of the coordinates in which the views see most of the points, and the way into the world."""
    scene = lifter.scene
    outputs = scene.train_outputs
    frames = {
        "the dataset": Similarity.of_dataparser(
            outputs.dataparser_transform, outputs.dataparser_scale
        ),
        "transforms.json": saved_to_model(scene.place, outputs),
    }
    some = points[:: max(1, len(points) // LOOKED_AT)]

    def seen(frame: Similarity) -> int:
        xyz = frame.points(some).float()
        views = (visible_points(xyz, lifter.camera(view), depth) for view, depth in depths.items())
        return int(torch.stack(list(views)).any(dim=0).sum())

    counts = {name: seen(frame) for name, frame in frames.items()}
    name = max(counts, key=lambda name: counts[name])
    return name, frames[name]


def _surface_points(lifter: SceneLifter, depths: Depths, count: int) -> Float[Tensor, "points 3"]:
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
    taken = min(count, len(everything))
    return everything[torch.arange(taken) * len(everything) // taken]
