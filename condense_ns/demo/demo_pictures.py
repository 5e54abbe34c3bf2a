"""Pictures of a demonstration as arrays of bytes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from condense_ns.pipelines.annotated_views import FIELD, ON_PHOTOGRAPH, AnnotatedView
from condense_ns.pipelines.annotation_evaluation import AnnotationEvaluation
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.rendering.class_colours import MOST_CLASSES, class_colours
from condense_ns.rendering.heat import heat_colours
from condense_ns.rendering.pca_colours import pca_colours
from condense_ns.retrieval.relevancy import relevancy

FILM_SCALE = 0.5
FILM_FRAMES = 24
LABEL_MAPS = ("truth", "field_classes", "encoder_classes")


@dataclass(frozen=True)
class ViewPictures:
    """One held-out view in many ways, each RGB in bytes."""

    pictures: dict[str, UInt8[np.ndarray, "height width 3"]]
    """`photograph`, `rendered`, `depth`, `field_pca`, `encoder_pca`, and the `LABEL_MAPS`."""


@dataclass(frozen=True)
class QueryPictures:
    """What a caption found in a view."""

    caption: str
    view: int
    """Place among the held-out views."""
    photograph: UInt8[np.ndarray, "height width 3"]
    heat: UInt8[np.ndarray, "height width 3"]
    found: Bool[np.ndarray, "height width"]
    truth: Bool[np.ndarray, "height width"]
    ious: dict[str, float]
    """IoU of what was found, for the field and the encoder on the photograph."""


class ViewPainter:
    """Makes the pictures of held-out views.

    Args:
        pipeline: a trained run, in evaluation mode.
        spec: the encoder that is asked.
        evaluation: knows the classes.
        shown: numbers of the classes that get colours, the rest is dark; see `shown_classes`.
    """

    def __init__(
        self,
        pipeline: FeaturePipeline,
        spec: str,
        evaluation: AnnotationEvaluation,
        shown: list[int],
    ) -> None:
        self._decoder = pipeline.model.decoder(spec)
        self._evaluation = evaluation
        self._colour_of = torch.full((len(evaluation.annotations.classes) + 1,), -1)
        self._colour_of[torch.tensor(shown, dtype=torch.long)] = torch.arange(len(shown))

    def view(self, view: AnnotatedView) -> ViewPictures:
        """All pictures of a view."""
        depth = view.depth.masked_fill(~view.opaque, 0.0)
        near, far = torch.quantile(depth[view.opaque], torch.tensor([0.01, 0.99])).tolist()
        nearness = 1.0 - (depth - near) / max(far - near, 1e-6)
        labels = {
            "field_classes": self._evaluation.labels(view.features[FIELD]),
            "encoder_classes": self._evaluation.labels(view.features[ON_PHOTOGRAPH]),
            "truth": view.classes - 1,
        }
        pictures = {
            "photograph": view.photograph,
            "rendered": view.rendered,
            "depth": heat_colours(nearness),
            "field_pca": self._pca(view.features[FIELD]),
            "encoder_pca": self._pca(view.features[ON_PHOTOGRAPH]),
            **{name: self.class_picture(numbers) for name, numbers in labels.items()},
        }
        return ViewPictures({name: in_bytes(picture) for name, picture in pictures.items()})

    def class_picture(self, labels: Int64[Tensor, "*pixels"]) -> Float[Tensor, "*pixels 3"]:
        """Colours of classes, numbered without the unlabelled one; -1 is dark."""
        return class_colours(self._colour_of[labels])

    def _pca(self, features: Float[Tensor, "height width channels"]) -> Tensor:
        decoder = self._decoder
        return pca_colours(
            features, decoder.mean.cpu(), decoder.pca_basis.cpu(), decoder.pca_range.cpu()
        )

    def query(self, view: AnnotatedView, number: int, caption: str) -> QueryPictures:
        """What the caption of a thing in view finds there, at the relevancy 0.5."""
        assert view.instances is not None
        query = self._evaluation.query(caption)
        things = self._evaluation.seen_things(view)[caption]
        truth = torch.isin(view.instances, torch.tensor(things))
        scores = {row: relevancy(view.features[row], query) for row in (FIELD, ON_PHOTOGRAPH)}
        return QueryPictures(
            caption=caption,
            view=number,
            photograph=in_bytes(view.photograph),
            heat=in_bytes(0.35 * view.photograph + 0.65 * heat_colours(scores[FIELD])),
            found=(scores[FIELD] > query.cut).numpy(),
            truth=truth.numpy(),
            ious={row: iou(score > query.cut, truth) for row, score in scores.items()},
        )


def shown_classes(annotations_seen: Int64[Tensor, " pixels"]) -> list[int]:
    """The most frequent classes, as many as there are colours, numbered without the unlabelled one."""
    counts = (annotations_seen - 1).clamp_min(0).bincount()
    order = counts.argsort(descending=True)[:MOST_CLASSES]
    return sorted(order[counts[order] > 0].tolist())


def iou(found: Bool[Tensor, "*pixels"], truth: Bool[Tensor, "*pixels"]) -> float:
    """Intersection over union; 1 if both are empty."""
    union = int((found | truth).sum())
    return int((found & truth).sum()) / union if union else 1.0


@torch.no_grad()
def film_frames(pipeline: FeaturePipeline) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """Colours and feature colours side by side along the way of the training cameras."""
    cameras = pipeline.datamanager.train_dataset.cameras
    step = max(1, len(cameras) // FILM_FRAMES)
    for index in range(0, len(cameras), step):
        camera = cameras[index : index + 1].to(pipeline.device)
        camera.rescale_output_resolution(FILM_SCALE)
        outputs = pipeline.model.get_outputs_for_camera(camera)
        yield in_bytes(torch.cat([outputs["rgb"], outputs["feature_pca"]], dim=1).cpu())


def in_bytes(colours: Float[Tensor, "height width 3"]) -> UInt8[np.ndarray, "height width 3"]:
    """[0, 1] as bytes."""
    return (colours.clamp(0.0, 1.0) * 255.0).round().byte().numpy()
