"""What a demonstration measures on its held-out views, and the pictures that it keeps of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from jaxtyping import UInt8

from condense_ns.demo.demo_pictures import (
    QueryPictures,
    ViewPainter,
    ViewPictures,
    film_frames,
    in_bytes,
    shown_classes,
)
from condense_ns.errors import UserError
from condense_ns.metrics.localisation import VISIBLE_SHARE
from condense_ns.pipelines.annotated_views import AnnotatedView, annotated_views, annotations_of
from condense_ns.pipelines.annotation_evaluation import (
    AnnotationEvaluation,
    annotation_evaluation,
)
from condense_ns.pipelines.feature_evaluation import agreement, consistency
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.pipelines.held_out_views import HeldOutViews
from condense_ns.rendering.class_colours import class_colours

INPUT_PICTURES = 12
SHOWN_VIEWS = 3
SHOWN_QUERIES = 6
Item = TypeVar("Item")


@dataclass(frozen=True)
class DemoPictures:
    """Everything on the page that is not text."""

    inputs: list[UInt8[np.ndarray, "height width 3"]]
    """Some of the training photographs."""
    views: list[ViewPictures]
    """Held-out views."""
    queries: list[QueryPictures]
    """Captions and where they were found."""
    film: list[UInt8[np.ndarray, "film_height film_width 3"]]
    """Frames."""
    legend: dict[str, tuple[int, int, int]]
    """Red, green and blue of the classes in the label maps."""


class DemoEvaluation:
    """A trained run on its annotated scene, rendered once.

    Args:
        pipeline: of the run.
        spec: the encoder that is asked.

    Raises:
        UserError: the scene is not annotated, or the encoder has no words.
    """

    def __init__(self, pipeline: FeaturePipeline, spec: str) -> None:
        pipeline.eval()
        annotations = annotations_of(pipeline)
        if annotations is None:
            raise UserError(f"{pipeline.datamanager.get_datapath()} has no annotations.json")
        self._pipeline, self._spec = pipeline, spec
        self._evaluation = annotation_evaluation(pipeline, spec, annotations)
        self._views = list(annotated_views(pipeline, spec, annotations))

    @torch.no_grad()
    def figures(self) -> dict[str, Any]:
        """Every figure of the run.

        Returns:
            `rows` and `class_iou` of `AnnotationEvaluation`, `agreement` and `consistency` as
            `condense eval` has them, `psnr` of the held-out views in decibels, `views`, their number.
        """
        for view in self._views:
            self._evaluation.add(view)
        held_out = HeldOutViews(self._pipeline.model, self._pipeline.datamanager, self._spec)
        return {
            **self._evaluation.summary(),
            "agreement": agreement(held_out),
            "consistency": consistency(held_out),
            "psnr": sum(_psnr(view) for view in self._views) / len(self._views),
            "views": len(self._views),
        }

    @torch.no_grad()
    def pictures(self) -> DemoPictures:
        """What is shown of the run, chosen by rules that do not look at how well it did."""
        views, names = self._views, self._evaluation.annotations.classes[1:]
        shown = shown_classes(torch.cat([view.classes.flatten() for view in views]))
        painter = ViewPainter(self._pipeline, self._spec, self._evaluation, shown)
        colours = in_bytes(class_colours(torch.arange(len(shown)))[None])[0].tolist()
        return DemoPictures(
            inputs=self._inputs(),
            views=[painter.view(view) for view in _spread(views, SHOWN_VIEWS)],
            queries=[
                painter.query(views[place], place, caption)
                for caption, place in most_visible(self._evaluation, views)
            ],
            film=list(film_frames(self._pipeline)),
            legend={
                names[number]: (red, green, blue)
                for number, (red, green, blue) in zip(shown, colours, strict=True)
            },
        )

    def _inputs(self) -> list[UInt8[np.ndarray, "height width 3"]]:
        photographs = self._pipeline.datamanager.train_dataset
        return [
            in_bytes(photographs.get_image_float32(index)[..., :3])
            for index in _spread(range(len(photographs)), INPUT_PICTURES)
        ]


def most_visible(
    evaluation: AnnotationEvaluation, views: list[AnnotatedView]
) -> list[tuple[str, int]]:
    """Captions of the largest things, one of each class, and the view that shows most of each."""
    best: dict[str, tuple[int, str, int]] = {}
    for place, view in enumerate(views):
        for caption, numbers in evaluation.seen_things(view).items():
            assert view.instances is not None
            size = int(torch.isin(view.instances, torch.tensor(numbers)).sum())
            name = evaluation.annotations.things[numbers[0] - 1].class_name
            if size >= VISIBLE_SHARE * view.instances.numel():
                best[name] = max(best.get(name, (0, "", 0)), (size, caption, place))
    largest = sorted(best.values(), reverse=True)[:SHOWN_QUERIES]
    return [(caption, place) for _, caption, place in largest]


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most so many of them, evenly spaced, the first included."""
    count = min(count, len(items))
    return [items[place * len(items) // count] for place in range(count)]


def _psnr(view: AnnotatedView) -> float:
    error = (view.rendered - view.photograph).square().mean()
    return float(-10.0 * torch.log10(error.clamp_min(1e-10)))
