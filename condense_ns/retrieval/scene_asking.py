"""Which scenes of an index hold what words describe, and where.

LanceDB's vector index of the scenes' regions gives those that come nearest to the words; their regions
are then scored as features of a scene are (`retrieval/relevancy.py`), and the best one counts.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float64, UInt8
from torch import Tensor

from condense_ns.errors import UserError
from condense_ns.retrieval.relevancy import Query, margin, mean_direction, relevancy_of_margin
from condense_ns.retrieval.scene_index import SceneIndex

SHORTLIST = 64
"""Scenes whose regions are scored, at least."""


@dataclass(frozen=True)
class AskedScene:
    """A scene and its best region."""

    name: str
    relevancy: float
    """Of the region, in [0, 1]."""
    xyz: Float64[Tensor, "3"]
    """Middle of the region, in the scene's coordinates."""
    radius: float
    """Distance within which most of it lies."""
    thumbnail: UInt8[Tensor, "height width 3"]
    """Of the scene."""


def ask_scenes(index: SceneIndex, query: Query, count: int) -> list[AskedScene]:
    """The scenes that hold what is looked for, the best first.

    Args:
        index: of scenes with language vectors.
        query: in the space of the index's language encoder.
        count: scenes, at most.

    Raises:
        UserError: an index without scenes or that knows no words, or a query of another encoder.
    """
    if not len(index):
        raise UserError(f"the index {index.place} holds no scene; add some with condense index add")
    known = index.contents.language
    if known is None:
        raise UserError(
            f"{index.place} knows no words; make an index with condense index add --language"
        )
    asked = mean_direction(query.positives)[None]
    if asked.shape[1] != known.channels:
        raise UserError(
            f"words of {query.encoder} have {asked.shape[1]} numbers, those of {index.place}, made by "
            f"{known.source.spec}, {known.channels}; ask with that encoder"
        )
    near = index.nearest("regions", asked.cpu().numpy(), max(count, SHORTLIST))
    found = []
    for scene in index.scenes([row["name"] for row in near]):
        regions = scene.regions
        assert regions is not None
        margins = margin(regions.embeddings, query)
        best = int(margins.argmax())
        score = float(relevancy_of_margin(margins[best], query))
        place, radius = regions.xyz[best], float(regions.radii[best])
        found.append(
            (float(margins[best]), AskedScene(scene.name, score, place, radius, scene.thumbnail))
        )
    found.sort(key=lambda pair: -pair[0])  # relevancies near 1 look the same, their margins do not
    return [scene for _, scene in found[:count]]


def no_centre(index: SceneIndex) -> Tensor:
    """The mean feature that queries in words of an index have, which the rule of words does not use."""
    known = index.contents.language
    return torch.zeros(0 if known is None else known.channels)
