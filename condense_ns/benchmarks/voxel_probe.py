"""What frozen features of voxels know of a scene that no training saw, made up or photographed.

Everything is learned on one part of the scene and asked on another (`scene_sides`), both ways, of voxels
that training views see. A linear layer names their classes; labels are what most views say. Without any
labels: how far features tell what the encoder says of a voxel on average over the views that see it,
by the backbone's own decoder, which learned on other scenes, or by a linear read-out that learns here. Only
with that read-out may features be compared that have no decoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.benchmarks.labelled_voxels import LabelledScene
from condense_ns.benchmarks.photograph_labels import UNKNOWN
from condense_ns.benchmarks.scene_sides import GAP, Way, both_ways
from condense_ns.downstream.linear_probe import LabelledMap, probe_figures
from condense_ns.downstream.ridge import ridge_read_out
from condense_ns.errors import UserError
from condense_ns.metrics.segmentation import confusion_matrix, majority_figures

Figures = dict[str, float]
Features = Float[Tensor, "voxels _"]


@dataclass(frozen=True)
class ProbedRow:
    """Features of a scene's voxels and what is said of them without learning here."""

    features: Features
    """Frozen."""
    predicted: Features | None = None
    """What a decoder says that the encoder says; None without one."""


@dataclass(frozen=True)
class VoxelProbe:
    """One scene, and which of its voxels are learned from."""

    known: LabelledScene
    ways: tuple[Way, Way]
    """From one part of the scene to another, and back; of voxels that training views see."""

    def asked_labels(self, way: Way) -> Int64[Tensor, " asked"]:
        """Classes of what is asked about, -1 for those that the other part lacks: nobody could learn them."""
        asked, learned = self.known.labels[way.asked], self.known.labels[way.learned]
        return torch.where(torch.isin(asked, learned), asked, UNKNOWN)

    def classified(self, features: Features) -> Figures:
        """`mean_iou` and `voxel_accuracy` of a linear layer, the mean of both ways.

        Nothing is set aside to choose its penalty: it is the middle one of `linear_probe`.
        """
        found = []
        for way in self.ways:
            train = LabelledMap(features[way.learned][None], self.known.labels[way.learned][None])
            test = LabelledMap(features[way.asked][None], self.asked_labels(way)[None])
            found.append(probe_figures([train], [test], len(self.known.classes)))
        return _of_voxels(found)

    def blind(self) -> Figures:
        """The same of the most frequent class of the voxels that are asked about."""
        classes = len(self.known.classes)
        labels = [self.asked_labels(way) for way in self.ways]
        return _of_voxels(
            [majority_figures(confusion_matrix(some, some, classes)) for some in labels]
        )

    def read_out(self, features: Features) -> float:
        """How well a linear read-out of features tells the encoder's averages (`agreement`)."""
        averaged, found = self.known.averaged, []
        for way in self.ways:
            told = ridge_read_out(features[way.learned], averaged[way.learned], features[way.asked])
            found.append(agreement(told, averaged[way.asked]))
        return sum(found) / len(found)

    def predicted(self, predicted: Features) -> float:
        """How well what was said without learning here tells them, over the same voxels."""
        averaged = self.known.averaged
        found = [agreement(predicted[way.asked], averaged[way.asked]) for way in self.ways]
        return sum(found) / len(found)


def agreement(told: Features, truth: Features) -> float:
    """Mean cosine over voxels after each of both has lost its own mean over them.

    What the encoder says on average of a scene of another kind is so left out; to answer always the same is worth 0.
    """
    told, truth = told.double(), truth.double()
    away = told - told.mean(dim=0), truth - truth.mean(dim=0)
    return float(F.cosine_similarity(*away, dim=1, eps=1e-8).mean())


def voxel_probe(known: LabelledScene, gap: float = GAP, slabs: int = 2) -> VoxelProbe:
    """A scene, ready to be asked.

    Args:
        known: the scene.
        gap: as for `both_ways`.
        slabs: as for `both_ways`.

    Raises:
        UserError: a part has no voxel that is seen, or both parts share fewer than two classes.
    """
    name = known.scene.name
    probe = VoxelProbe(known, both_ways(known.volume.centres, known.seen, gap, slabs))
    if not all(len(way.asked) for way in probe.ways):
        raise UserError(
            f"scene {name} has too few voxels that photographs see between the gaps; give a smaller "
            "--gap, or fewer --slabs"
        )
    shared = probe.asked_labels(probe.ways[0]).unique()
    if int((shared != UNKNOWN).sum()) < 2:
        raise UserError(
            f"both parts of scene {name} share fewer than two classes; give another network as "
            "--labels-of, or leave the scene out"
        )
    return probe


def row_figures(probe: VoxelProbe, draws: Sequence[ProbedRow]) -> dict[str, list[float]]:
    """Figures of each draw, by name; `predicted` of those that say something without learning here.

    Args:
        probe: of a scene.
        draws: features of the same kind.
    """
    found: dict[str, list[float]] = {}
    for row in draws:
        figures = {"read_out": probe.read_out(row.features), **probe.classified(row.features)}
        if row.predicted is not None:
            figures["predicted"] = probe.predicted(row.predicted)
        for name, value in figures.items():
            found.setdefault(name, []).append(value)
    return found


def _of_voxels(ways: list[Figures]) -> Figures:
    """Means, under the names of this benchmark."""
    names = {"mean_iou": "mean_iou", "voxel_accuracy": "pixel_accuracy"}
    return {
        name: sum(figures[theirs] for figures in ways) / len(ways) for name, theirs in names.items()
    }
