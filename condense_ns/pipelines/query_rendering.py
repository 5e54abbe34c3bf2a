"""What a query finds in a trained run: heatmaps of views and points of the scene."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.held_out_views import MIN_OPACITY
from condense_ns.pipelines.ray_caster import RayCaster
from condense_ns.retrieval.relevancy import Query, relevancy


@dataclass(frozen=True)
class ScoredPoints:
    """Surface points of a scene and how relevant they are."""

    points: Float[Tensor, "points 3"]
    """Positions in the coordinates of the dataset's own poses."""
    rgb: Float[Tensor, "points 3"]
    """Rendered colours in [0, 1]."""
    relevancy: Float[Tensor, " points"]
    """In [0, 1]."""


@torch.no_grad()
def render_query(
    pipeline: FeaturePipeline, query: Query
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """File stem and rendered outputs of each held-out view, with the query set meanwhile."""
    model, data = pipeline.model, pipeline.datamanager
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
    data = pipeline.datamanager
    cameras = data.train_dataset.cameras
    generator = torch.Generator().manual_seed(0)
    views = torch.randint(len(cameras), (count,), generator=generator)
    size = torch.cat([cameras.width, cameras.height], dim=1).cpu()[views]
    pixels = torch.rand(count, 2, generator=generator) * size
    rays = RayCaster(pipeline.model, cameras).at(views, pixels)
    opaque = rays["accumulation"][:, 0] >= MIN_OPACITY
    outputs = data.train_dataparser_outputs
    transform = outputs.dataparser_transform
    points = rays["points"][opaque] / outputs.dataparser_scale - transform[:, 3]
    return ScoredPoints(
        points=points @ transform[:, :3],  # the transposed inverse of a rotation is itself
        rgb=rays["rgb"][opaque],
        relevancy=relevancy(rays[query.encoder][opaque], query.to("cpu")),
    )


def feature_at_pixel(
    pipeline: FeaturePipeline, spec: str, view: int, x: float, y: float
) -> Float[Tensor, "1 channels"]:
    """The rendered feature of a pixel (first centre 0.5) of a held-out view."""
    caster = RayCaster(pipeline.model, pipeline.datamanager.eval_dataset.cameras)
    return caster.at(torch.tensor([view]), torch.tensor([[x, y]]))[spec]
