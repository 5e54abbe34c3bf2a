"""What is where in the photographs of a scene, by its annotations or by what a segmentation network says.

Of such a network it is the opinion, right or wrong, that counts as truth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from condense_ns.annotations import UNLABELLED, SceneAnnotations, read_annotations
from condense_ns.data.cache_folders import scene_cache_folder
from condense_ns.data.posed_scene import PosedScene
from condense_ns.errors import UserError
from condense_ns.operators.base import Operator
from condense_ns.operators.checking import checked_decode

UNKNOWN = -1
LabelsOf = Callable[[int], Int64[Tensor, "rows columns"]]


@dataclass(frozen=True)
class PhotographLabels:
    """Of one scene."""

    classes: tuple[str, ...]
    """Names by number."""
    of_view: LabelsOf
    """Number of a view -> classes of its pixels, -1 unlabelled."""


def photograph_labels(scene: PosedScene, operator: Operator | None = None) -> PhotographLabels:
    """The labels of a scene; what the network answers is worked out when it is asked for.

    Args:
        scene: with annotations, if there is no operator.
        operator: whose classes are the labels; None for the scene's annotations.

    Raises:
        UserError: there are no annotations, or the operator answers no classes.
    """
    refuse_unlabelled(scene.folder, operator)
    if operator is None:
        annotations = read_annotations(scene.folder)
        assert annotations is not None
        return PhotographLabels(
            annotations.classes, lambda view: pixel_labels_of(annotations, scene.file(view))
        )
    maps = scene.feature_maps(operator, scene_cache_folder("features", scene.folder))

    def answered(view: int) -> Int64[Tensor, "rows columns"]:
        answer = checked_decode(operator, maps.map(view), scene.photograph(view), alone=True)
        labels = operator.labels(answer)
        assert labels is not None
        return labels.long().cpu()

    return PhotographLabels(operator.label_names, answered)


def refuse_unlabelled(folder: Path, operator: Operator | None) -> None:
    """Whether there will be labels, before anything long is done.

    Raises:
        UserError: as for `photograph_labels`.
    """
    if operator is not None and not operator.label_names:
        raise UserError(
            f"{operator.spec} answers no classes; give a segmentation network, --labels-of segment:<file>"
        )
    if operator is None and read_annotations(folder) is None:
        raise UserError(
            f"{folder} has no annotations.json; write one, or name a segmentation network with "
            "--labels-of segment:<file>"
        )


def pixel_labels_of(annotations: SceneAnnotations, file: Path) -> Int64[Tensor, "height width"]:
    """Classes of a photograph's pixels by the scene's annotations, -1 unlabelled.

    Raises:
        UserError: the photograph has no class map, or one that cannot be read.
    """
    found = annotations.class_map(file)
    if found is None:
        raise UserError(f"{file} has no class map; annotate all photographs of a scene")
    labels = torch.from_numpy(found)
    return torch.where(labels == UNLABELLED, UNKNOWN, labels)
