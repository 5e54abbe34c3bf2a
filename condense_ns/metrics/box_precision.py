"""How well boxes are found: average precision at an overlap, as PASCAL VOC and VoteNet count it.

Detections of a class, from all scenes, are gone through by falling score. One is right if the true box
of its class and scene that it overlaps most does so by the threshold at least and has not been found
before. With precision p and recall r after each of them,

    AP = sum_k (r_k - r_{k-1}) max_{j >= k} p_j
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class SceneDetections:
    """What was found in a scene beside what is there."""

    scores: Float[Tensor, " detections"]
    classes: Int64[Tensor, " detections"]
    overlaps: Float[Tensor, "detections truths"]
    """Of each detection with each true box."""
    true_classes: Int64[Tensor, " truths"]


def precision_recall(
    scenes: Sequence[SceneDetections], number: int, threshold: float
) -> tuple[Float[Tensor, " detections"], Float[Tensor, " detections"]]:
    """Precision and recall after each detection of one class, by falling score.

    Args:
        scenes: all of them.
        number: of the class, which occurs in the truth.
        threshold: least overlap of a detection that is right.
    """
    scores, right, truths = [], [], 0
    for scene in scenes:
        chosen = torch.nonzero(scene.classes == number)[:, 0]
        chosen = chosen[scene.scores[chosen].argsort(descending=True, stable=True)]
        there = scene.true_classes == number
        truths += int(there.sum())
        scores.append(scene.scores[chosen])
        right.append(_right(scene.overlaps[chosen][:, there], threshold))
    order = torch.cat(scores).argsort(descending=True, stable=True)
    hits = torch.cat(right)[order].double().cumsum(dim=0)
    tried = torch.arange(1, len(hits) + 1, device=hits.device)
    return hits / tried, hits / truths


def _right(overlaps: Float[Tensor, "detections truths"], threshold: float) -> Tensor:
    """Whether each detection of a scene, by falling score, is right."""
    right = torch.zeros(len(overlaps), dtype=torch.bool, device=overlaps.device)
    if overlaps.shape[1] == 0:
        return right
    best, which = overlaps.max(dim=1)
    found: set[int] = set()
    for place, (overlap, truth) in enumerate(zip(best.tolist(), which.tolist(), strict=True)):
        if overlap >= threshold and truth not in found:
            found.add(truth)
            right[place] = True
    return right


def average_precision(
    precision: Float[Tensor, " detections"], recall: Float[Tensor, " detections"]
) -> float:
    """The area below the falling envelope of precision over recall, in [0, 1]."""
    if len(recall) == 0:
        return 0.0
    envelope = precision.flip(0).cummax(dim=0).values.flip(0)
    steps = recall.diff(prepend=recall.new_zeros(1))
    return float((steps * envelope).sum())


def average_precisions(scenes: Sequence[SceneDetections], threshold: float) -> dict[int, float]:
    """Of each class that occurs in the truth, by its number."""
    there = sorted({number for scene in scenes for number in scene.true_classes.tolist()})
    return {
        number: average_precision(*precision_recall(scenes, number, threshold)) for number in there
    }
