"""Everything that is measured on a trained run, beside its rivals, from one pass over the views."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from condense_ns.metrics.feature_agreement import nan_mean
from condense_ns.pipelines.annotation_evaluation import annotation_figures
from condense_ns.pipelines.feature_evaluation import (
    agreement,
    agreement_of,
    consistency,
    depth_error,
)
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.held_out_views import HeldOutView, HeldOutViews, check_held_out
from condense_ns.pipelines.keypoint_evaluation import keypoint_figures
from condense_ns.pipelines.rival_features import (
    features_of_all_views,
    features_of_rendered_image,
    nearest_training_features,
)
from condense_ns.pipelines.sparse_pipeline import SparsePipeline

DISTANT_ANGLE = 10.0  # degrees; nearer views of a video are near-copies
OURS = "rendered features"
ON_SAME_CELLS = "ours_on_same_cells"


@torch.no_grad()
def evaluate_run(pipeline: FeaturePipeline) -> dict[str, Any]:
    """Image quality once, then agreement, consistency and errors per encoder.

    Returns:
        ``{"image": {psnr, ssim}, "encoders": {spec: {"agreement": {row: figures}, "consistency":
        {row: figures}, "depth": figures, "annotated": figures}}}``. Every row of agreement that covers fewer cells than
        ours also holds our cos_c on the same cells. A run of condense-sparse also has ``"keypoints"``, see
        `keypoint_figures`.

    Raises:
        UserError: the scene has no evaluation images.
    """
    check_held_out(pipeline.datamanager)
    pipeline.eval()
    rendered, quality = _rendered_images(pipeline)
    encoders: dict[str, Any] = {}
    for spec in pipeline.config.encoders:
        held_out = HeldOutViews(pipeline.model, pipeline.datamanager, spec)
        encoders[spec] = {
            "agreement": _agreement_rows(held_out, rendered),
            "consistency": consistency(held_out),
            "depth": depth_error(held_out),
            "annotated": annotation_figures(pipeline, spec),
        }
    figures = {"image": quality, "encoders": encoders}
    if isinstance(pipeline, SparsePipeline):
        figures["keypoints"] = keypoint_figures(pipeline)
    return figures


def _rendered_images(
    pipeline: FeaturePipeline,
) -> tuple[list[Float[Tensor, "height width 3"]], dict[str, float]]:
    """All held-out views, on the CPU, and the mean of the host's image metrics over them."""
    images, rows = [], []
    for camera, batch in pipeline.datamanager.fixed_indices_eval_dataloader:
        outputs = pipeline.model.get_outputs_for_camera(camera)
        metrics, _ = pipeline.model.get_image_metrics_and_images(outputs, batch)
        images.append(outputs["rgb"].cpu())
        rows.append({name: float(value) for name, value in metrics.items()})
    return images, nan_mean(rows)


def _agreement_rows(
    held_out: HeldOutViews, rendered: list[Float[Tensor, "height width 3"]]
) -> dict[str, dict[str, float]]:
    """Ours, then each rival, mean over views."""
    rivals: dict[str, list[dict[str, float]]] = {
        "mean feature": [],
        f"nearest training view, >= {DISTANT_ANGLE:.0f} degrees": [],
        "nearest training view": [],
        "encoder on the rendered image": [],
        "average of all views, its own too": [],
    }
    for view in held_out:
        everywhere = torch.ones_like(view.valid)
        found = [
            (held_out.mean.expand_as(view.teacher), everywhere),
            nearest_training_features(held_out, view, DISTANT_ANGLE),
            nearest_training_features(held_out, view, 0.0),
            (features_of_rendered_image(held_out, rendered[view.index]), everywhere),
            (features_of_all_views(held_out, view), everywhere),
        ]
        for rows, (features, seen) in zip(rivals.values(), found, strict=True):
            rows.append(_rival_row(held_out, view, features, seen))
    return {OURS: agreement(held_out), **{name: nan_mean(rows) for name, rows in rivals.items()}}


def _rival_row(
    held_out: HeldOutViews,
    view: HeldOutView,
    features: Float[Tensor, "rows columns channels"],
    seen: Bool[Tensor, " cells"],
) -> dict[str, float]:
    ours = agreement_of(held_out, view, view.rendered, seen)
    return {**agreement_of(held_out, view, features, seen), ON_SAME_CELLS: ours["cos_c"]}
