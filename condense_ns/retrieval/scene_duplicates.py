"""Pairs of scenes of an index that show the same place, at least in part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from condense_ns.retrieval.localization import LEAST_CONFIDENCE
from condense_ns.retrieval.scene_alignment import (
    LEAST_INLIERS,
    USUAL_ALIGNMENT,
    Alignment,
    AlignmentOptions,
    align_scenes,
)
from condense_ns.retrieval.scene_index import SceneIndex
from condense_ns.retrieval.scene_search import USUAL_SEARCH, SceneSearch, ranked_scenes
from condense_ns.tensors import SceneDescriptor

CANDIDATES = 5
"""Scenes that each scene is laid on."""


@dataclass(frozen=True)
class DuplicateOptions:
    """How duplicates are looked for."""

    candidates: int = CANDIDATES
    """Scenes that each scene is laid on, the most alike."""
    least_confidence: float = LEAST_CONFIDENCE
    """Of a pair, in [0, 1]."""
    search: SceneSearch = USUAL_SEARCH
    """How these scenes are found."""
    alignment: AlignmentOptions = USUAL_ALIGNMENT
    """How a scene is laid on them."""


USUAL = DuplicateOptions()


@dataclass(frozen=True)
class DuplicatePair:
    """Two scenes, and how the first lies on the second."""

    first: str
    second: str
    alignment: Alignment


def duplicates(
    index: SceneIndex, names: Sequence[str], options: DuplicateOptions = USUAL
) -> Iterator[list[DuplicatePair]]:
    """For each scene, those that it is a duplicate of; a pair is told once, under its first scene.

    Args:
        index: of scenes.
        names: scenes whose duplicates are looked for in the whole index.
        options: how.

    Raises:
        UserError: a scene is missing or damaged.
    """
    tried: set[frozenset[str]] = set()
    for name in names:
        (scene,) = index.scenes([name])
        others = [
            found
            for found in _alike(index, scene, options)
            if frozenset((name, found)) not in tried
        ]
        tried |= {frozenset((name, other)) for other in others}
        pairs = []
        for other in index.scenes(others):
            alignment = align_scenes(scene, other, options.alignment)
            if alignment is not None and alignment.confidence >= options.least_confidence:
                pairs.append(DuplicatePair(name, other.name, alignment))
        yield sorted(pairs, key=lambda pair: -pair.alignment.confidence)


def _alike(index: SceneIndex, scene: SceneDescriptor, options: DuplicateOptions) -> list[str]:
    """Names of other scenes that share descriptors with a scene, the most alike first."""
    asked = scene.descriptors[spread(len(scene.xyz), options.search.voters)]
    found = ranked_scenes(index, asked, scene.descriptors, options.search)
    found.sort(key=lambda one: -one.matches)  # the scene itself takes most votes
    alike = [one.name for one in found if one.name != scene.name and one.matches >= LEAST_INLIERS]
    return alike[: options.candidates]


def spread(total: int, count: int) -> Int64[Tensor, " chosen"]:
    """Numbers from 0 to `total` - 1 at about equal distances, at most `count`."""
    return torch.linspace(0, total - 1, min(total, count)).round().long()
