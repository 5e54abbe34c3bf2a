"""Open-vocabulary figures of a picture of two things, by hand."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from condense_ns.annotations import AnnotatedThing, SceneAnnotations
from condense_ns.encoders.base import TextImageEncoder
from condense_ns.pipelines.annotated_views import (
    FIELD,
    ON_PHOTOGRAPH,
    ON_RENDERED,
    ROWS,
    AnnotatedView,
)
from condense_ns.pipelines.annotation_evaluation import WITHOUT_LOOKING, AnnotationEvaluation

WORDS = {"floor": 0, "ball": 1, "mug": 2, "red ball": 1, "blue mug": 2}
"""Which direction each text points in; everything else points in the last."""


class WordEncoder(TextImageEncoder):
    """Knows words alone; features are directions of the four axes."""

    spec, channels, patch_size, fingerprint, device = "words", 4, 1, "0", "cpu"

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    def encode(self, images: Tensor) -> Tensor:
        return images.new_zeros(*images.shape[:1], *images.shape[2:], self.channels)

    def encode_text(self, texts: list[str]) -> Tensor:
        return torch.eye(4)[[WORDS.get(text, 3) for text in texts]]


def view(
    truth: list[list[int]], answers: Mapping[str, list[list[int]]], opaque: bool = True
) -> AnnotatedView:
    """A view whose features say the given classes; classes and instances have the same numbers."""
    numbers = torch.tensor(truth)
    empty = torch.zeros(*numbers.shape, 3)
    return AnnotatedView(
        image=Path("0.png"),
        photograph=empty,
        rendered=empty,
        depth=empty[..., 0],
        opaque=torch.full(numbers.shape, opaque),
        features={row: torch.eye(4)[torch.tensor(found) - 1] for row, found in answers.items()},
        classes=numbers,
        instances=numbers,
    )


@pytest.fixture
def evaluation() -> AnnotationEvaluation:
    things = (
        AnnotatedThing("floor", "floor"),
        AnnotatedThing("ball", "red ball"),
        AnnotatedThing("mug", "blue mug"),
    )
    classes = ("unlabelled", "floor", "ball", "mug")
    annotations = SceneAnnotations(Path(), classes, things, "")
    return AnnotationEvaluation(WordEncoder(), annotations, torch.zeros(4))


TRUTH = [[1, 1, 2, 2], [1, 1, 3, 0]]
RIGHT = [[1, 1, 2, 2], [1, 1, 3, 1]]
BALL_FOR_MUG = [[1, 1, 2, 2], [1, 1, 2, 2]]
ALL_FLOOR = [[1, 1, 1, 1], [1, 1, 1, 1]]


def test_every_row_is_judged_by_its_own_answer(evaluation: AnnotationEvaluation):
    answers = {FIELD: RIGHT, ON_RENDERED: BALL_FOR_MUG, ON_PHOTOGRAPH: ALL_FLOOR}
    evaluation.add(view(TRUTH, answers))
    figures = evaluation.figures()
    assert figures[FIELD]["mean_iou"] == 1.0
    assert math.isclose(figures[ON_RENDERED]["mean_iou"], (1 + 2 / 3 + 0) / 3)
    assert math.isclose(figures[ON_PHOTOGRAPH]["mean_iou"], (4 / 7) / 3)
    assert math.isclose(figures[WITHOUT_LOOKING]["pixel_accuracy"], 4 / 7)
    assert evaluation.ious()["mug"] == {FIELD: 1.0, ON_RENDERED: 0.0, ON_PHOTOGRAPH: 0.0}


def test_a_caption_is_found_where_its_feature_is(evaluation: AnnotationEvaluation):
    answers = {FIELD: RIGHT, ON_RENDERED: BALL_FOR_MUG, ON_PHOTOGRAPH: ALL_FLOOR}
    evaluation.add(view(TRUTH, answers))
    figures = evaluation.figures()
    assert figures[FIELD]["localisation"] == 1.0
    assert figures[ON_RENDERED]["localisation"] == 0.5  # the ball, but not the mug
    assert math.isclose(figures[WITHOUT_LOOKING]["localisation"], (2 / 8 + 1 / 8) / 2)


def test_the_field_has_no_answer_where_it_meets_nothing(evaluation: AnnotationEvaluation):
    answers: dict[str, list[list[int]]] = dict.fromkeys(ROWS, RIGHT)
    evaluation.add(view(TRUTH, answers, opaque=False))
    figures = evaluation.figures()
    assert figures[FIELD]["mean_iou"] == 0.0
    assert figures[ON_PHOTOGRAPH]["mean_iou"] == 1.0


def test_surroundings_are_not_asked_for(evaluation: AnnotationEvaluation):
    answers: dict[str, list[list[int]]] = dict.fromkeys(ROWS, RIGHT)
    assert evaluation.seen_things(view(TRUTH, answers)) == {"red ball": [2], "blue mug": [3]}
