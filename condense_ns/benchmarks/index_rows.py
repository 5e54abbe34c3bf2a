"""An index of scenes beside three other ways to the same answers, on scenes whose truth is known.

*ours*: votes in LanceDB's vector index, then all descriptors of a short list. *global vector*: a photograph's
mean feature, of the encoder that knows words, against the mean of a scene's photographs. *exhaustive matching*: all descriptors of all
scenes, the quality that a short list can lose. *brute force*: every descriptor of the photograph votes for
the scene of its nearest neighbour, by one product of matrices in NumPy.

Answers are right if they name the place; of a place that was met twice either visit is right. All times
are of one photograph, from its keypoints to the ranking.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.progress import track

from condense_ns.benchmarks.index_material import PreparedPhotograph, PreparedScene
from condense_ns.benchmarks.index_timing import Timing
from condense_ns.metrics.pose_error import FAILURE, pose_errors, recall
from condense_ns.metrics.ranking import recall_at
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.retrieval.scene_matching import match_scenes
from condense_ns.retrieval.scene_search import USUAL_SEARCH, find_scenes, nearest_pairs

Row = dict[str, float]
Ranker = Callable[[PreparedPhotograph], list[str]]
OURS, GLOBAL, EXHAUSTIVE, BRUTE = (
    "ours",
    "global vector",
    "exhaustive matching",
    "brute force",
)
TOP = 5


@dataclass(frozen=True)
class Question:
    """A photograph and the scene that it was taken in."""

    photograph: PreparedPhotograph
    scene: PreparedScene


def questions_of(scenes: Sequence[PreparedScene]) -> list[Question]:
    """All photographs of all scenes."""
    return [Question(photograph, scene) for scene in scenes for photograph in scene.photographs]


def image_rows(index: SceneIndex, scenes: Sequence[PreparedScene]) -> dict[str, Row]:
    """Recall and time of every way."""
    questions = questions_of(scenes)
    places = {scene.descriptor.name: scene.place for scene in scenes}
    rankers: dict[str, Ranker] = {
        OURS: lambda photograph: _ours(index, photograph),
        GLOBAL: _by_global_vector(scenes),
        EXHAUSTIVE: _by_matching(scenes),
        BRUTE: _by_votes(scenes),
    }
    return {name: _row(ranker, questions, places, name) for name, ranker in rankers.items()}


def pose_row(index: SceneIndex, scenes: Sequence[PreparedScene]) -> Row:
    """Share of photographs whose scene and pose are found, and the time for both."""
    errors, timing, found = [], Timing(), 0
    for question in track(questions_of(scenes), "Poses", transient=True):
        photograph = question.photograph
        with timing.repetition():
            best = next(iter(match_scenes(index, photograph.detected, photograph.lens)), None)
        is_found = best is not None and best.localization.found
        found += is_found
        pose = best.localization.dataset_pose if best is not None and is_found else None
        errors.append(FAILURE if pose is None else pose_errors(pose, photograph.pose))
    return {
        "pose 5 cm, 5°": recall(errors, 0.05, 5.0),
        "pose 20 cm, 10°": recall(errors, 0.2, 10.0),
        "believed": found / max(1, len(errors)),
        "pose cpu p50 ms": timing.figures()["cpu p50 ms"],
    }


def _row(ranker: Ranker, questions: Sequence[Question], places: dict[str, str], name: str) -> Row:
    """Recall and time of one way."""
    ranker(questions[0].photograph)  # what is read for the first time is not counted
    rankings, visits, timing = [], [], Timing()
    for question in track(questions, name, transient=True):
        with timing.repetition():
            names = ranker(question.photograph)
        rankings.append([places[name] == question.scene.place for name in names])
        visits.append([name == question.scene.descriptor.name for name in names])
    return {
        "recall@1": recall_at(rankings, 1),
        f"recall@{TOP}": recall_at(rankings, TOP),
        "visit@1": recall_at(visits, 1),
        **timing.figures(),
    }


def _ours(index: SceneIndex, photograph: PreparedPhotograph) -> list[str]:
    size = (photograph.lens.height, photograph.lens.width)
    return [found.name for found in find_scenes(index, photograph.detected, size)][:TOP]


def _by_global_vector(scenes: Sequence[PreparedScene]) -> Ranker:
    names = [scene.descriptor.name for scene in scenes]
    vectors = np.stack([scene.global_vector.numpy() for scene in scenes])

    def rank(photograph: PreparedPhotograph) -> list[str]:
        return _best(names, vectors @ photograph.global_vector.numpy())

    return rank


def _by_matching(scenes: Sequence[PreparedScene]) -> Ranker:
    names = [scene.descriptor.name for scene in scenes]
    descriptors = [scene.descriptor.descriptors for scene in scenes]

    def rank(photograph: PreparedPhotograph) -> list[str]:
        own = photograph.detected.descriptors[: USUAL_SEARCH.compared]
        return _best(names, nearest_pairs(own, descriptors).votes().numpy())

    return rank


def _by_votes(scenes: Sequence[PreparedScene]) -> Ranker:
    names = [scene.descriptor.name for scene in scenes]
    sizes = [len(scene.descriptor.xyz) for scene in scenes]
    together = np.concatenate([scene.descriptor.descriptors.numpy() for scene in scenes])
    scene_of = np.repeat(np.arange(len(scenes)), sizes)

    def rank(photograph: PreparedPhotograph) -> list[str]:
        own = photograph.detected.descriptors[: USUAL_SEARCH.compared].numpy()
        nearest = (own @ together.T).argmax(axis=1)
        return _best(names, np.bincount(scene_of[nearest], minlength=len(names)))

    return rank


def _best(names: list[str], scores: np.ndarray) -> list[str]:
    """Names with the highest scores; of equal ones the first."""
    return [names[number] for number in np.argsort(-scores, kind="stable")[:TOP]]
