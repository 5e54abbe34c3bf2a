"""How many of an operator's classes are right, where a scene has annotations."""

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from condense_ns.annotations import read_annotations
from condense_ns.benchmarks.lift_rows import ROWS
from condense_ns.metrics.segmentation import confusion_matrix, segmentation_figures
from condense_ns.operators.base import Operator
from condense_ns.pipelines.lifted_parts import Told
from condense_ns.pipelines.scene_lifting import SceneLifter


def mean_ious(
    lifter: SceneLifter, operator: Operator, given: dict[int, dict[str, Told]]
) -> dict[str, float]:
    """Of each row; nothing if the scene has no annotations, or none of the operator's classes."""
    annotations = read_annotations(lifter.scene.folder)
    if annotations is None:
        return {}
    numbers = [_number(name, annotations.classes) for name in operator.label_names]
    if max(numbers) < 1:
        return {}
    table, size = torch.tensor(numbers), len(annotations.classes)
    matrices = {row: torch.zeros(size, size + 1, dtype=torch.long) for row in ROWS}
    for view, rows in given.items():
        found = annotations.class_map(lifter.scene.file(view))
        if found is None:
            continue
        for row, answered in rows.items():
            assert answered.labels is not None
            height, width = answered.labels.shape
            truth = _nearest_pixels(found, height, width)
            truth = torch.where((truth[..., None] == table).any(dim=-1), truth, -1)
            matrices[row] += confusion_matrix(table[answered.labels.cpu()], truth, size)
    return {row: segmentation_figures(matrix)["mean_iou"] for row, matrix in matrices.items()}


def _number(name: str, classes: tuple[str, ...]) -> int:
    """Place of a name among the annotated classes, -1 if it is not there."""
    return classes.index(name) if name in classes else -1


def _nearest_pixels(
    numbers: Int64[np.ndarray, "own_height own_width"], height: int, width: int
) -> Int64[Tensor, "height width"]:
    """A class map on another number of pixels."""
    rows = ((np.arange(height) + 0.5) / height * numbers.shape[0]).astype(int)
    columns = ((np.arange(width) + 0.5) / width * numbers.shape[1]).astype(int)
    return torch.from_numpy(numbers[rows][:, columns])
