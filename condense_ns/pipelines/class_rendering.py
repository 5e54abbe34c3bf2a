"""Which class each pixel of the held-out views and each point of the scene belongs to."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.held_out_views import MIN_OPACITY
from condense_ns.pipelines.query_rendering import in_dataset_coordinates
from condense_ns.pipelines.ray_caster import RayCaster
from condense_ns.pipelines.surface_sample import surface_sample
from condense_ns.retrieval.segmentation import REJECTED

Segmenter = Callable[[Float[Tensor, "points channels"]], Int[Tensor, " points"]]
"""Features to labels: `retrieval.segmentation.segment` with everything but the features given."""
BLOCK = 16384  # pixels whose features are held at a time


@dataclass(frozen=True)
class LabelledPoints:
    """Surface points of a scene and their classes."""

    points: Float64[Tensor, "points 3"]
    """Positions in the coordinates of the dataset's own poses."""
    labels: Int[Tensor, " points"]
    """Numbers of classes; -1 for none."""


def render_classes(
    pipeline: FeaturePipeline, spec: str, segmenter: Segmenter
) -> Iterator[tuple[str, Int[Tensor, "height width"]]]:
    """File stem and labels of each held-out view; where nothing opaque is met, -1."""
    dataset = pipeline.datamanager.eval_dataset
    caster = RayCaster(pipeline.model, dataset.cameras)
    for view, file in enumerate(dataset.image_filenames):
        width, height = int(dataset.cameras.width[view]), int(dataset.cameras.height[view])
        places = torch.cartesian_prod(torch.arange(height) + 0.5, torch.arange(width) + 0.5)
        labels = []
        for pixels in places.flip(-1).split(BLOCK):
            rays = caster.at(torch.full((len(pixels),), view), pixels)
            opaque = rays["accumulation"][:, 0] >= MIN_OPACITY
            labels.append(torch.where(opaque, segmenter(rays[spec]), REJECTED))
        yield file.stem, torch.cat(labels).reshape(height, width)


def labelled_points(
    pipeline: FeaturePipeline, spec: str, segmenter: Segmenter, count: int
) -> LabelledPoints:
    """Where random rays of the training views end, in the dataset's coordinates.

    Args:
        pipeline: a trained run, in evaluation mode.
        spec: the encoder whose features the segmenter takes.
        segmenter: from features to labels.
        count: rays; those that meet nothing opaque give no point.
    """
    rays = surface_sample(pipeline.model, pipeline.datamanager.train_dataset.cameras, count)
    return LabelledPoints(in_dataset_coordinates(pipeline, rays["points"]), segmenter(rays[spec]))
