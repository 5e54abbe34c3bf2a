"""How well one linear layer names the pixels of photographs, from an encoder's maps and from refined ones.

The layer is that of `downstream.linear_probe`; all kinds of maps get the same photographs, labels and draws.
Of several scenes it learns from those for training and is asked about others; of a single one it learns
from the first photographs and is asked about the last, as neighbours in a video are almost copies. Labels
are a scene's annotations, or what a segmentation network says of the photographs: then figures tell how much
of that network's opinion, right or wrong, the features hold. How unlike maps of one place are in two
photographs stands beside it: refinement is to lessen that, and not what the layer knows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from condense_ns.benchmarks.branch_maps import BranchMaps
from condense_ns.benchmarks.photograph_labels import photograph_labels
from condense_ns.benchmarks.seen_twice import SeenTwice, inconsistency, seen_twice
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_list import SceneList
from condense_ns.downstream.label_budget import drawn_share
from condense_ns.downstream.linear_probe import LabelledMap, probe_figures
from condense_ns.encoders.base import ImageEncoder
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import SavedBackbone
from condense_ns.metrics.segmentation import confusion_matrix, majority_figures
from condense_ns.operators.base import Operator

WORKING_SIZE = 256
"""Longest side in pixels of a scene's working images, which nobody looks at here."""


@dataclass(frozen=True)
class ProbedMaps:
    """Maps of one kind, with labels."""

    train: Sequence[LabelledMap]
    test: Sequence[LabelledMap]
    classes: tuple[str, ...]
    """Names by number."""
    pairs: Sequence[SeenTwice] = ()
    """Of test maps, by their numbers; of scenes with depth images only."""
    photographs: Sequence[tuple[PosedScene, int]] = ()
    """Scene and view of each map, those for training first."""

    @property
    def inconsistency(self) -> float:
        """Mean of the pairs, NaN without any: how unlike test maps are where they see the same."""
        features = [one.features for one in self.test]
        apart = [
            inconsistency(pair, *(features[number] for number in pair.views)) for pair in self.pairs
        ]
        return sum(apart) / len(apart) if apart else float("nan")

    def refined(self, encoder: ImageEncoder, saved: SavedBackbone) -> "ProbedMaps":
        """The same photographs after the 2D branch.

        Raises:
            UserError: the branch was trained with another encoder, or not at all.
        """
        branch, maps = BranchMaps(encoder, saved), (*self.train, *self.test)
        refined = [
            replace(one, features=branch(scene, view))
            for one, (scene, view) in zip(maps, self.photographs, strict=True)
        ]
        return replace(self, train=refined[: len(self.train)], test=refined[len(self.train) :])


def probed_maps(
    listed: SceneList,
    encoder: ImageEncoder,
    operator: Operator | None = None,
    held_out: float = 0.3,
    every: int = 1,
) -> ProbedMaps:
    """The encoder's own maps of photographs and their labels.

    Args:
        listed: scenes to learn from and to ask about, or a single one.
        encoder: whose maps.
        operator: whose classes are the labels; None for the scenes' annotations.
        held_out: share of a single scene's photographs, the last by name, that are asked about.
        every: of each scene's photographs by name, every so-manieth is looked at.

    Raises:
        UserError: a scene cannot be read or has no labels, scenes have other classes than the first one,
            or there is nothing to learn from or to ask about.
    """
    asked = listed.test or tuple(place for place in listed.val if place not in listed.train)
    if not asked and len(listed.train) != 1:
        raise UserError(
            "nothing to ask about; give a single scene, or a list with scenes below train and test"
        )
    train: list[LabelledMap] = []
    test: list[LabelledMap] = []
    pairs: list[SeenTwice] = []
    learned: list[tuple[PosedScene, int]] = []
    tested: list[tuple[PosedScene, int]] = []
    classes: tuple[str, ...] | None = None
    for place in (*listed.train, *asked):
        scene = PosedScene(place, WORKING_SIZE)
        truth = photograph_labels(scene, operator)
        if truth.classes != (classes or truth.classes):
            raise UserError(f"scene {scene.name} has other classes than the scenes before it")
        classes = truth.classes
        views = sorted(range(len(scene)), key=scene.file)[::every]
        maps = scene.feature_maps(encoder, scene_cache_folder("features", scene.folder))
        kept = 0 if place in asked else len(views) - (0 if asked else round(held_out * len(views)))
        found = [LabelledMap(maps.map(view), truth.of_view(view)) for view in views]
        pairs += _numbered(scene, views[kept:], found[0], len(test))
        train += found[:kept]
        test += found[kept:]
        learned += [(scene, view) for view in views[:kept]]
        tested += [(scene, view) for view in views[kept:]]
    if not train or not test or classes is None:
        raise UserError(
            "too few photographs to learn from some and to ask about others; give more, or another "
            "--held-out"
        )
    return ProbedMaps(train, test, classes, pairs, (*learned, *tested))


def _numbered(scene: PosedScene, views: list[int], one: LabelledMap, first: int) -> list[SeenTwice]:
    """Pairs of views, which are numbered from a first number on."""
    pairs = seen_twice(scene, views, *one.features.shape[:2])
    return [
        replace(
            pair, views=(first + views.index(pair.views[0]), first + views.index(pair.views[1]))
        )
        for pair in pairs
    ]


def probe_runs(
    maps: ProbedMaps, percents: Sequence[float], seeds: int
) -> Iterator[tuple[float, dict[str, float]]]:
    """Percentage of the training photographs with labels, and the figures of one layer.

    A seed decides which photographs those are; if all have labels, there is one layer only.
    """
    for percent in percents:
        for seed in range(seeds if percent < 100 else 1):
            used = [
                maps.train[place] for place in drawn_share(range(len(maps.train)), percent, seed)
            ]
            yield percent, probe_figures(used, maps.test, len(maps.classes))


def blind_figures(maps: ProbedMaps) -> dict[str, float]:
    """Of the answer without looking: the most frequent class of the test photographs everywhere."""
    classes = len(maps.classes)
    counts = torch.zeros(classes, classes + 1, dtype=torch.long)
    for one in maps.test:
        counts += confusion_matrix(one.labels, one.labels, classes)
    return majority_figures(counts)
