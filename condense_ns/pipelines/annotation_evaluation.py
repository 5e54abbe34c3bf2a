"""What a run knows of the annotated things of its scene, beside the 2D encoder alone.

Open-vocabulary segmentation: each pixel gets the class whose name is nearest to its feature, among all
names of the annotations. Localisation: for each thing that is seen, the pixel most relevant to its caption
lies on a thing of that caption, or not. All of held-out views, per pixel of the photographs.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from condense_ns.annotations import SURROUNDINGS, UNLABELLED, SceneAnnotations
from condense_ns.encoders.base import TextImageEncoder
from condense_ns.metrics.localisation import Localisation
from condense_ns.metrics.segmentation import (
    class_ious,
    confusion_matrix,
    majority_figures,
    segmentation_figures,
)
from condense_ns.pipelines.annotated_views import (
    FIELD,
    ROWS,
    AnnotatedView,
    annotated_views,
    annotations_of,
)
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.retrieval.asking import class_embeddings, text_query
from condense_ns.retrieval.negatives import DEFAULT_NEGATIVES
from condense_ns.retrieval.relevancy import Query, margin
from condense_ns.retrieval.segmentation import REJECTED, segment

WITHOUT_LOOKING = "without looking"


@dataclass
class AnnotationEvaluation:
    """Adds up views; `figures` has one row for each of `ROWS` and one for an answer without looking."""

    encoder: TextImageEncoder
    annotations: SceneAnnotations
    centre: Float[Tensor, " channels"]
    """Mean feature of the scene."""
    _confusions: dict[str, Tensor] = field(default_factory=dict)
    _places: dict[str, Localisation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = self.annotations.classes[1:]
        words = class_embeddings(self.encoder, names)
        self._embeddings = [embedding.cpu() for embedding in words]
        self._confusions = {row: torch.zeros(len(names), len(names) + 1).long() for row in ROWS}
        self._places = {row: Localisation() for row in ROWS}
        self._queries: dict[str, Query] = {}

    def labels(self, features: Float[Tensor, "*pixels channels"]) -> Int64[Tensor, "*pixels"]:
        """Place of each feature's class among the annotations' classes without `unlabelled`."""
        return segment(features, self._embeddings, self.encoder.inverse_temperature)

    def query(self, caption: str) -> Query:
        """The query for a thing's caption, against what queries are told apart from by default."""
        if caption not in self._queries:
            self._queries[caption] = text_query(
                self.encoder, [caption], DEFAULT_NEGATIVES, self.centre, 0.5
            )
        return self._queries[caption]

    def add(self, view: AnnotatedView) -> None:
        """Count a view in."""
        truth = view.classes - 1  # unlabelled becomes -1
        for row in ROWS:
            predicted = self.labels(view.features[row])
            if row == FIELD:
                predicted = torch.where(view.opaque, predicted, REJECTED)
            self._confusions[row] += confusion_matrix(predicted, truth, len(self._embeddings))
        if view.instances is None:
            return
        for caption, numbers in self.seen_things(view).items():
            place = torch.isin(view.instances, torch.tensor(numbers))
            for row in ROWS:
                self._places[row].add(margin(view.features[row], self.query(caption)), place)

    def seen_things(self, view: AnnotatedView) -> dict[str, list[int]]:
        """Numbers of the things in view by caption, without floor, walls and ceiling."""
        found: dict[str, list[int]] = {}
        if view.instances is None:
            return found
        for number in view.instances.unique().tolist():
            if number == UNLABELLED:
                continue
            thing = self.annotations.things[number - 1]
            if thing.class_name not in SURROUNDINGS:
                found.setdefault(thing.caption, []).append(number)
        return found

    def figures(self) -> dict[str, dict[str, float]]:
        """`mean_iou`, `pixel_accuracy`, `class_accuracy`, `localisation` by row."""
        rows = {
            row: {
                **segmentation_figures(self._confusions[row]),
                "localisation": self._places[row].accuracy,
            }
            for row in ROWS
        }
        blind = majority_figures(self._confusions[FIELD])
        return {**rows, WITHOUT_LOOKING: {**blind, "localisation": self._places[FIELD].chance}}

    def summary(self) -> dict[str, Any]:
        """Everything for a JSON file: `rows` are the figures, `class_iou` the IoUs."""
        return {"rows": self.figures(), "class_iou": self.ious()}

    def ious(self) -> dict[str, dict[str, float]]:
        """IoU of each class that occurs, by class and row."""
        names = self.annotations.classes[1:]
        found: dict[str, dict[str, float]] = {}
        for row in ROWS:
            for number, value in class_ious(self._confusions[row]).items():
                found.setdefault(names[number], {})[row] = value
        return found


def annotation_evaluation(
    pipeline: FeaturePipeline, spec: str, annotations: SceneAnnotations
) -> AnnotationEvaluation:
    """An evaluation without a view yet.

    Raises:
        UserError: the encoder does not understand text.
    """
    encoder = pipeline.datamanager.teachers.with_text(spec)
    return AnnotationEvaluation(encoder, annotations, pipeline.model.decoder(spec).mean.cpu())


def annotation_figures(pipeline: FeaturePipeline, spec: str) -> dict[str, Any]:
    """The figures of all held-out views; nothing without annotations or without words.

    Returns:
        ``rows`` and ``class_iou`` of `AnnotationEvaluation`.
    """
    annotations = annotations_of(pipeline)
    if annotations is None or not isinstance(pipeline.datamanager.teachers[spec], TextImageEncoder):
        return {}
    evaluation = annotation_evaluation(pipeline, spec, annotations)
    for view in annotated_views(pipeline, spec, annotations):
        evaluation.add(view)
    return evaluation.summary()
