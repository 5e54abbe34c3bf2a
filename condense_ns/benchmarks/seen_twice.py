"""Places that two photographs of a scene both see, by its depth images, and how unlike maps are there."""

from collections.abc import Iterator, Sequence
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
    for pair, (first, second) in neighbours(scene, views, every):
        shared = shared_places(first, second, rows, columns)
        if len(shared.cells) >= LEAST_SHARED:
            found.append(SeenTwice(pair, shared.places_a, shared.places_b))
    return found


def neighbours(
    scene: PosedScene, views: Sequence[int], every: int = 1
) -> Iterator[tuple[tuple[int, int], tuple[DepthView, DepthView]]]:
    """Numbers and depth of pairs of photographs, `APART` from each other; none without depth images.

    Args:
        scene: with its depth.
        views: numbers of photographs, those that come after each other near each other.
        every: so-manieth photograph of these is the first one of a pair.
    """
    for place in range(0, len(views), every):
        a, b = views[place], views[(place + APART) % len(views)]
        depth_a, depth_b = scene.depth(a), scene.depth(b)
        if a != b and depth_a is not None and depth_b is not None:
            cameras = scene.views[[a]], scene.views[[b]]
            yield (a, b), (DepthView(cameras[0], depth_a), DepthView(cameras[1], depth_b))


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
