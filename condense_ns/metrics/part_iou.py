"""How well the parts of shapes are told apart, as ShapeNetPart is scored.

For a shape of a category with the parts P, ``IoU = mean over p in P of TP_p / (TP_p + FP_p + FN_p)``,
where a part that is neither there nor answered counts as 1. *Instance* mIoU is the mean over shapes,
*class* mIoU the mean over categories of the means over their shapes (L. Yi et al., 2016; the two names
are those of later papers).
"""

from collections.abc import Sequence

from jaxtyping import Int64
from torch import Tensor


def shape_iou(
    predicted: Int64[Tensor, " points"], truth: Int64[Tensor, " points"], parts: Sequence[int]
) -> float:
    """Mean over the parts of one shape, in [0, 1].

    Args:
        predicted: parts.
        truth: parts; points of -1 are not counted.
        parts: those that shapes of this category may have.
    """
    known = truth >= 0
    total = 0.0
    for part in parts:
        answered, there = (predicted == part) & known, truth == part
        union = int((answered | there).sum())
        total += int((answered & there).sum()) / union if union else 1.0
    return total / len(parts)


def part_figures(ious: Sequence[float], categories: Sequence[int]) -> dict[str, float]:
    """`instance_iou` and `class_iou`, NaN without a shape.

    Args:
        ious: of shapes.
        categories: of the same shapes.
    """
    if not ious:
        return {"instance_iou": float("nan"), "class_iou": float("nan")}
    means = []
    for category in sorted(set(categories)):
        own = [iou for iou, other in zip(ious, categories, strict=True) if other == category]
        means.append(sum(own) / len(own))
    return {"instance_iou": sum(ious) / len(ious), "class_iou": sum(means) / len(means)}
