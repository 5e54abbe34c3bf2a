"""Calling the halves of an operator and refusing what cannot be lifted or shown."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.operators.base import Operator, OperatorError

MOST_TIMES = 8
"""Times as tall and as wide as its view that a picture may be."""


def is_enlarged(answers: int, sides: Sequence[int], height: int, width: int) -> bool:
    """Whether an answer is a picture, several whole times as tall and just as many as wide as its view.

    Args:
        answers: per pixel.
        sides: height and width of the answer.
        height: of the view, in pixels.
        width: of the view, in pixels.
    """
    times = sides[0] // height
    is_whole = tuple(sides) == (times * height, times * width)
    return answers == 3 and is_whole and 1 < times <= MOST_TIMES


def checked_encode(
    operator: Operator, images: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "batch rows columns channels"]:
    """What the operator's `encode` answers.

    Args:
        operator: anybody's.
        images: RGB in [0, 1], all of one size.

    Raises:
        OperatorError: it is no float32 tensor of the shape that `grid_size` and `channels` tell, or
            not finite.
    """
    height, width = images.shape[-2:]
    expected = (len(images), *operator.grid_size(height, width), operator.channels)
    maps = operator.encode(images)
    asked = f"encode of images of {height} x {width} pixels"
    _refuse_other_shapes(operator, asked, maps, expected, "batch, rows, columns, channels")
    _refuse_other_values(operator, asked, maps)
    return maps


def checked_decode(
    operator: Operator,
    feature_map: Float[Tensor, "rows columns channels"],
    image: Float[Tensor, "3 height width"],
    alone: bool = False,
) -> Float[Tensor, "answer_height answer_width answers"]:
    """What the operator's `decode` answers.

    Args:
        operator: anybody's.
        feature_map: as `encode` answers or lifted.
        image: RGB in [0, 1] of the target view.
        alone: ask `decode_alone`.

    Raises:
        OperatorError: the map is not of the operator's size for that image or not finite; or the answer
            is no float32 tensor with one vector per pixel, of the image or of a picture up to
            `MOST_TIMES` as tall and as wide, or not finite.
    """
    height, width = image.shape[-2:]
    expected = (*operator.grid_size(height, width), operator.channels)
    lifted = (*operator.lifted_size(height, width), operator.channels)
    asked = f"decode for an image of {height} x {width} pixels"
    if tuple(feature_map.shape) not in (expected, lifted):
        raise OperatorError(
            f"{operator.spec}: {asked} takes a map of the shape {expected} (rows, columns, channels), "
            f"not {tuple(feature_map.shape)}; lift to the rows and columns that grid_size tells"
        )
    if not torch.isfinite(feature_map).all():
        raise OperatorError(
            f"{operator.spec}: the map for {asked} holds values that are not finite; fill what no source "
            "view sees before decoding"
        )
    answer = (operator.decode_alone if alone else operator.decode)(feature_map, image)
    shape = tuple(answer.shape) if isinstance(answer, Tensor) and answer.ndim == 3 else ()
    expected, axes = (height, width, shape[-1] if shape else "answers"), "height, width, answers"
    if not operator.label_names:
        axes += f"; pictures up to {MOST_TIMES} whole times as tall and as wide"
        if shape and is_enlarged(shape[2], shape[:2], height, width):
            expected = shape
    _refuse_other_shapes(operator, asked, answer, expected, axes)
    _refuse_other_values(operator, asked, answer)
    return answer


def _refuse_other_shapes(
    operator: Operator, asked: str, answer: Any, expected: tuple[int | str, ...], axes: str
) -> None:
    """Refuse what is no tensor of that shape."""
    found = (
        f"the shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else type(answer).__name__
    )
    if not isinstance(answer, Tensor) or tuple(answer.shape) != expected:
        raise OperatorError(
            f"{operator.spec}: {asked} answered {found}; expected {expected} ({axes}): correct the "
            "operator"
        )


def _refuse_other_values(
    operator: Operator, asked: str, answer: Float[Tensor, "..."] | Tensor
) -> None:
    """Refuse other types than float32, and values that are not finite."""
    if answer.dtype != torch.float32:
        raise OperatorError(
            f"{operator.spec}: {asked} answered {answer.dtype}; expected torch.float32: convert it"
        )
    wrong = int((~torch.isfinite(answer)).sum())
    if wrong:
        raise OperatorError(
            f"{operator.spec}: {asked} answered {wrong} of {answer.numel()} values that are not finite; "
            "check the network's weights and the range of its input"
        )
