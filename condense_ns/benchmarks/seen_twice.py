"""Places that two photographs of a scene both see, by its depth images, and how unlike maps are there."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.geometry.correspondence import DepthView, shared_places
from condense_ns.geometry.interpolation import sample_cells
from condense_ns.metrics.answer_agreement import answer_distance

APART = 2
"""The second photograph of a pair is so many further."""
LEAST_SHARED = 20
"""Cells that two photographs must share to count."""


@dataclass(frozen=True)
class SeenTwice:
    """Places, from 0 to 1 across each of two photographs."""

    views: tuple[int, int]
    """Their numbers."""
    places_a: Float[Tensor, "places 2"]
    """Centres of cells of the first one."""
    places_b: Float[Tensor, "places 2"]
    """The same places in the second one."""


def seen_twice(
    scene: PosedScene, views: Sequence[int], rows: int, columns: int, every: int = 1
) -> list[SeenTwice]:
    """Pairs of photographs that share enough; none in a scene without depth images.

    Args:
        scene: with its depth.
        views: numbers of photographs, those that come after each other near each other.
        rows: of the cells of maps.
        columns: of the cells of maps.
        every: so-manieth photograph of these is the first one of a pair.
    """
    found = []
    for place in range(0, len(views), every):
        pair = views[place], views[(place + APART) % len(views)]
        depths = [scene.depth(view) for view in pair]
        if depths[0] is None or depths[1] is None or pair[0] == pair[1]:
            continue
        first, second = (
            DepthView(scene.views[[view]], depth)
            for view, depth in zip(pair, depths, strict=True)
            if depth is not None
        )
        shared = shared_places(first, second, rows, columns)
        if len(shared.cells) >= LEAST_SHARED:
            found.append(SeenTwice(pair, shared.places_a, shared.places_b))
    return found


def inconsistency(
    pair: SeenTwice,
    first: Float[Tensor, "rows columns channels"],
    second: Float[Tensor, "rows columns channels"],
) -> float:
    """1 - cosine of two maps at places that both photographs see, the maps' mean taken from both.

    Args:
        pair: of photographs.
        first: map of the first one.
        second: map of the second one.
    """
    mean = torch.cat([first.flatten(0, 1), second.flatten(0, 1)]).mean(dim=0)
    here, there = (
        sample_cells(each[None], places[None])[0]
        for each, places in ((first, pair.places_a), (second, pair.places_b))
    )
    return answer_distance("features", here, there, mean)
