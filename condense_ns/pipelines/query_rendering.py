"""What a query finds in a trained run: heatmaps of views and points of the scene."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from nerfstudio.utils.rich_utils import CONSOLE
from torch import Tensor

from condense_ns.geometry.similarity import Similarity
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.ray_caster import RayCaster
from condense_ns.pipelines.surface_sample import surface_sample
from condense_ns.retrieval.relevancy import Query, relevancy
from condense_ns.retrieval.threshold import with_threshold


@dataclass(frozen=True)
class ScoredPoints:
    """Surface points of a scene and how relevant they are."""

    points: Float64[Tensor, "points 3"]
    """Positions in the coordinates of the dataset's own poses."""
    rgb: Float[Tensor, "points 3"]
    """Rendered colours in [0, 1]."""
    relevancy: Float[Tensor, " points"]
    """In [0, 1]."""


@torch.no_grad()
def render_query(
    pipeline: FeaturePipeline, query: Query
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """File stem and rendered outputs of each held-out view, with the query set meanwhile.

    A scene without them has none, and that is told.
    """
    model, data = pipeline.model, pipeline.datamanager
    if not data.eval_dataset:
        CONSOLE.print(f"{data.get_datapath()} has no held-out views: no pictures are written")
        return
    query = with_scene_threshold(pipeline, query)
    before = model.query
    model.query = query.to(model.device)
    try:
        for camera, batch in data.fixed_indices_eval_dataloader:
            file = data.eval_dataset.image_filenames[int(batch["image_idx"])]
            yield file.stem, model.get_outputs_for_camera(camera)
    finally:
        model.query = before


def scored_points(pipeline: FeaturePipeline, query: Query, count: int) -> ScoredPoints:
    """Where random rays of the training views end, in the dataset's coordinates.

    Args:
        pipeline: a trained run, in evaluation mode.
        query: what is looked for.
        count: rays; those that meet nothing opaque give no point.
    """
    rays = surface_sample(pipeline.model, pipeline.datamanager.train_dataset.cameras, count)
    return ScoredPoints(
        points=in_dataset_coordinates(pipeline, rays["points"]),
        rgb=rays["rgb"],
        relevancy=relevancy(rays[query.encoder], query.to("cpu")),
    )


def with_scene_threshold(pipeline: FeaturePipeline, query: Query) -> Query:
    """The query with its automatic threshold chosen from the scene; a number stays."""
    if query.threshold is not None:
        return query
    cameras = pipeline.datamanager.train_dataset.cameras
    return with_threshold(query, surface_sample(pipeline.model, cameras)[query.encoder])


def in_dataset_coordinates(
    pipeline: FeaturePipeline, points: Float[Tensor, "points 3"]
) -> Float64[Tensor, "points 3"]:
    """Points of the scene in the coordinates of the dataset's own poses, which may be large numbers."""
    outputs = pipeline.datamanager.train_dataparser_outputs
    moved = Similarity.of_dataparser(outputs.dataparser_transform, outputs.dataparser_scale)
    return moved.inverse().points(points.double())


def feature_at_pixel(
    pipeline: FeaturePipeline, spec: str, view: int, x: float, y: float
) -> Float[Tensor, "1 channels"]:
    """The rendered feature of a pixel (first centre 0.5) of a held-out view."""
    caster = RayCaster(pipeline.model, pipeline.datamanager.eval_dataset.cameras)
    return caster.at(torch.tensor([view]), torch.tensor([[x, y]]))[spec]
