"""Duplicates and words of an index of scenes, beside other ways (`index_rows.py`)."""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import torch
from rich.progress import track

from condense_ns.benchmarks.index_material import PreparedScene
from condense_ns.benchmarks.index_rows import EXHAUSTIVE, GLOBAL, OURS, Row
from condense_ns.encoders.base import TextImageEncoder
from condense_ns.metrics.ranking import average_precision, recall_at
from condense_ns.retrieval.asking import text_query
from condense_ns.retrieval.negatives import DEFAULT_NEGATIVES
from condense_ns.retrieval.relevancy import Query, margin
from condense_ns.retrieval.scene_asking import ask_scenes
from condense_ns.retrieval.scene_duplicates import DuplicateOptions, duplicates
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.retrieval.scene_search import nearest_pairs

RARE = 0.1
"""Share of the scenes in which a thing may be, to be asked for."""
TOP = 5

Pair = tuple[float, bool]
"""How sure a pair of scenes is to show one place, and whether it does."""


def duplicate_rows(index: SceneIndex, scenes: Sequence[PreparedScene]) -> dict[str, Row]:
    """Average precision of pairs of scenes that show one place; empty if there are none."""
    places = {scene.descriptor.name: scene.place for scene in scenes}
    relevant = sum(first.place == second.place for first, second in combinations(scenes, 2))
    if not relevant:
        return {}
    ways = {
        OURS: _pairs_of_index(index, places),
        GLOBAL: _pairs_by_global_vector(scenes),
        EXHAUSTIVE: _pairs_by_matching(scenes),
    }
    return {name: {"duplicate AP": _precision(pairs, relevant)} for name, pairs in ways.items()}


def _precision(pairs: list[Pair], relevant: int) -> float:
    ranked = sorted(
        pairs, key=lambda pair: (-pair[0], pair[1])
    )  # of equal ones the wrong ones first
    return average_precision([is_right for _, is_right in ranked], relevant)


def _pairs_of_index(index: SceneIndex, places: dict[str, str]) -> list[Pair]:
    names, every = sorted(places), DuplicateOptions(least_confidence=0.0)
    found = track(duplicates(index, names, every), "Duplicates", len(names), transient=True)
    return [
        (pair.alignment.confidence, places[pair.first] == places[pair.second])
        for of_scene in found
        for pair in of_scene
    ]


def _pairs_by_global_vector(scenes: Sequence[PreparedScene]) -> list[Pair]:
    return [
        (float(first.global_vector @ second.global_vector), first.place == second.place)
        for first, second in combinations(scenes, 2)
    ]


def _pairs_by_matching(scenes: Sequence[PreparedScene]) -> list[Pair]:
    pairs: list[Pair] = []
    for number, first in enumerate(track(scenes, "All pairs", transient=True)):
        others = scenes[number + 1 :]
        found = nearest_pairs(
            first.descriptor.descriptors, [other.descriptor.descriptors for other in others]
        )
        counts = found.matched.sum(dim=0).tolist()
        pairs += [
            (float(count), first.place == other.place)
            for count, other in zip(counts, others, strict=True)
        ]
    return pairs


def text_rows(
    index: SceneIndex,
    scenes: Sequence[PreparedScene],
    speaker: TextImageEncoder,
    count: int = 200,
    seed: int = 0,
) -> dict[str, Row]:
    """Recall of scenes by the captions of rare things in them; empty if nothing is rare.

    Args:
        index: of the scenes.
        scenes: with captions.
        speaker: the encoder of words.
        count: captions that are asked for, at most.
        seed: of the choice.
    """
    holding = Counter(caption for scene in scenes for caption in set(scene.captions))
    rare = sorted(word for word, number in holding.items() if number <= RARE * len(scenes))
    asked = random.Random(seed).sample(rare, min(count, len(rare)))
    captions = {scene.descriptor.name: set(scene.captions) for scene in scenes}
    rankings: dict[str, list[list[bool]]] = {OURS: [], GLOBAL: [], EXHAUSTIVE: []}
    centre = torch.zeros(speaker.channels)
    for caption in track(asked, "Words", transient=True):
        query = text_query(speaker, [caption], DEFAULT_NEGATIVES, centre, None)
        found = [scene.name for scene in ask_scenes(index, query, TOP)]
        ways = {
            OURS: found,
            GLOBAL: _by_global_words(scenes, query),
            EXHAUSTIVE: _by_all_regions(scenes, query),
        }
        for name, names in ways.items():
            rankings[name].append([caption in captions[scene] for scene in names[:TOP]])
    return {
        name: {"text@1": recall_at(found, 1), f"text@{TOP}": recall_at(found, TOP)}
        for name, found in rankings.items()
        if found
    }


def _by_global_words(scenes: Sequence[PreparedScene], query: Query) -> list[str]:
    """Scenes by what words say of the mean of their photographs."""
    vectors = torch.stack([scene.global_vector for scene in scenes])
    return _ordered(scenes, margin(vectors, query))


def _by_all_regions(scenes: Sequence[PreparedScene], query: Query) -> list[str]:
    """Scenes by the best of their regions, all of them."""
    best = []
    for scene in scenes:
        regions = scene.descriptor.regions
        assert regions is not None
        best.append(margin(regions.embeddings, query).max())
    return _ordered(scenes, torch.stack(best))


def _ordered(scenes: Sequence[PreparedScene], scores: torch.Tensor) -> list[str]:
    order = torch.argsort(scores, descending=True, stable=True).tolist()
    return [scenes[number].descriptor.name for number in order]
