"""Feature figures of a trained run on its held-out views (`methods.md` 7.1 and 7.2)."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.geometry.interpolation import sample_map
from condense_ns.geometry.projection import project
from condense_ns.metrics.feature_agreement import feature_agreement, nan_mean
from condense_ns.metrics.view_consistency import Landings, view_consistency
from condense_ns.pipelines.held_out_views import HeldOutView, HeldOutViews

OVERLAP = (0.3, 0.8)
MIN_ROTATION = 5.0  # degrees between the views of a pair
MAX_PAIRS = 60
FIGURES = ("mvc", "rnd", "margin", "corr1")
CONSISTENCY_ROWS = ("rendered", "rendered_on_cells", "encoder")


def agreement(held_out: HeldOutViews) -> dict[str, float]:
    """Rendered features against the encoder on the same views, mean over views."""
    return nan_mean([agreement_of(held_out, view, view.rendered) for view in held_out])


def agreement_of(
    held_out: HeldOutViews,
    view: HeldOutView,
    features: Float[Tensor, "rows columns channels"],
    seen: Bool[Tensor, " cells"] | None = None,
) -> dict[str, float]:
    """Any features of a view against the encoder, on its valid cells (those `seen`)."""
    valid = view.valid if seen is None else view.valid & seen
    found, truth = features.flatten(0, 1), view.teacher.flatten(0, 1)
    return feature_agreement(found, truth, held_out.mean, valid)


def consistency(held_out: HeldOutViews) -> dict[str, dict[str, float]]:
    """`view_consistency` of the rendered features and of the encoder, mean over pairs.

    A field knows what it says at any pixel: f_b(u') of "rendered" is rendered at u'. An encoder has
    a cell for many pixels and is interpolated between cells; "rendered_on_cells" is what rendered
    features reach when they are treated so, too.

    Returns:
        under each of `CONSISTENCY_ROWS` the figures of the same points of the same pairs, and the
        number of `pairs`; NaN without any pair.
    """
    rows: dict[str, list[dict[str, float]]] = {row: [] for row in CONSISTENCY_ROWS}
    for view_a, view_b, landings in view_pairs(held_out):
        size = (view_b.camera.height, view_b.camera.width)
        pixels = landings.cells_b_xy * pixels_per_cell(view_b)
        maps = {
            "rendered": (view_a.rendered, view_b.rendered, held_out.rendered_at(view_b, pixels)),
            "rendered_on_cells": (
                view_a.rendered,
                view_b.rendered,
                sample_map(view_b.rendered, pixels, size),
            ),
            "encoder": (
                view_a.teacher,
                view_b.teacher,
                sample_map(view_b.teacher, pixels, size),
            ),
        }
        for row, (map_a, map_b, at_b) in maps.items():
            generator = torch.Generator().manual_seed(0)
            rows[row].append(
                view_consistency(map_a, map_b, at_b, landings, held_out.mean, generator)
            )
    unknown: list[dict[str, float]] = [{name: float("nan") for name in FIGURES}]
    return {
        row: {**nan_mean(found or unknown), "pairs": float(len(found))}
        for row, found in rows.items()
    }


def view_pairs(held_out: HeldOutViews) -> list[tuple[HeldOutView, HeldOutView, Landings]]:
    """Ordered pairs whose overlap and rotation lie in the range of the definition."""
    candidates = [(a, b) for a in held_out for b in held_out if rotation(a, b) >= MIN_ROTATION]
    order = torch.randperm(len(candidates), generator=torch.Generator().manual_seed(0))
    found = []
    for position in order.tolist():
        view_a, view_b = candidates[position]
        landings = _landings(held_out, view_a, view_b)
        if OVERLAP[0] <= len(landings.cells_a) / len(view_a.pixels) <= OVERLAP[1]:
            found.append((view_a, view_b, landings))
        if len(found) == MAX_PAIRS:
            break
    return found


def _landings(held_out: HeldOutViews, view_a: HeldOutView, view_b: HeldOutView) -> Landings:
    pixels, z_depth = project(view_a.points, view_b.camera)
    kept = torch.nonzero(view_a.valid & view_b.camera.contains(pixels) & (z_depth > 0))[:, 0]
    if len(kept):
        views = torch.full((len(kept),), view_b.index)
        kept = kept[held_out.visible("eval", views, pixels[kept], z_depth[kept])]
    return Landings(kept, pixels[kept] / pixels_per_cell(view_b))


def depth_error(held_out: HeldOutViews) -> dict[str, float]:
    """Error of the rendered depth against depth images, in dataset units, mean over views.

    Depth is measured along the optical axis. Empty without depth images.
    """
    scale = held_out.data.train_dataparser_outputs.dataparser_scale
    rows = []
    for view in held_out:
        if view.true_z_depth is None:
            return {}
        error = (view.z_depth - view.true_z_depth)[view.valid].abs()
        rows.append(
            {
                "depth_median_error": error.median().item() / scale,
                "depth_mean_error": error.mean().item() / scale,
                "depth_abs_rel": (error / view.true_z_depth[view.valid]).mean().item(),
            }
        )
    return nan_mean(rows)


def pixels_per_cell(view: HeldOutView) -> Float[Tensor, "2"]:
    """Width and height of a cell of the view's maps, in pixels."""
    rows, columns = view.teacher.shape[:2]
    return torch.tensor([view.camera.width / columns, view.camera.height / rows])


def rotation(view_a: HeldOutView, view_b: HeldOutView) -> float:
    """Angle of the rotation between two cameras, in degrees."""
    relative = view_a.camera.camera_to_world[:, :3].T @ view_b.camera.camera_to_world[:, :3]
    cosine = (relative.diagonal().sum() - 1.0) / 2.0
    return torch.rad2deg(torch.acos(cosine.clamp(-1.0, 1.0))).item()
