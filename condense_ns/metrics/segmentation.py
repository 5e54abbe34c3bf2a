"""How well predicted classes agree with the truth (`methods.md` 7.7).

One confusion matrix over all labelled pixels of all views: rows are true classes, columns predicted ones
and, last, pixels that were given no class. ``IoU_c = TP_c / (TP_c + FP_c + FN_c)``; the mean goes over
the classes that occur in the truth.
"""

import torch
from jaxtyping import Int64
from torch import Tensor


def confusion_matrix(
    predicted: Int64[Tensor, "*pixels"], truth: Int64[Tensor, "*pixels"], classes: int
) -> Int64[Tensor, "classes predictions"]:
    """Pixels by true and predicted class, for adding up over views.

    Args:
        predicted: numbers below `classes`; -1 for none.
        truth: numbers below `classes`; pixels of -1 are not counted.
        classes: how many there are; the matrix has one column more.
    """
    columns = classes + 1
    answered = torch.where(predicted < 0, classes, predicted)
    pairs = (truth * columns + answered)[truth >= 0]
    return pairs.bincount(minlength=classes * columns).view(classes, columns)


def class_ious(confusion: Int64[Tensor, "classes predictions"]) -> dict[int, float]:
    """Intersection over union of each class that occurs in the truth, by its number."""
    right = confusion.diagonal()
    truth = confusion.sum(dim=1)
    union = truth + confusion.sum(dim=0)[:-1] - right
    return {
        number: int(right[number]) / int(union[number])
        for number in range(len(confusion))
        if truth[number] > 0
    }


def segmentation_figures(confusion: Int64[Tensor, "classes predictions"]) -> dict[str, float]:
    """`mean_iou`, `pixel_accuracy` and `class_accuracy`, in [0, 1]; NaN without a labelled pixel."""
    ious = class_ious(confusion)
    if not ious:
        return dict.fromkeys(("mean_iou", "pixel_accuracy", "class_accuracy"), float("nan"))
    truth, right = confusion.sum(dim=1), confusion.diagonal()
    recalls = [int(right[number]) / int(truth[number]) for number in ious]
    return {
        "mean_iou": sum(ious.values()) / len(ious),
        "pixel_accuracy": int(right.sum()) / int(truth.sum()),
        "class_accuracy": sum(recalls) / len(recalls),
    }


def majority_figures(confusion: Int64[Tensor, "classes predictions"]) -> dict[str, float]:
    """The same of an answer without looking: the most frequent class everywhere."""
    blind = torch.zeros_like(confusion)
    truth = confusion.sum(dim=1)
    blind[:, int(truth.argmax())] = truth
    return segmentation_figures(blind)
