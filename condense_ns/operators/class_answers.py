"""What operators share that answer with a score for each of several classes."""

from jaxtyping import Float, Int
from torch import Tensor

from condense_ns.operators.encoder_operator import EncoderOperator
from condense_ns.rendering.class_colours import MOST_CLASSES, class_colours

BACKGROUND = "background"
"""A first class of this name is what belongs to no thing; it is painted dark grey."""


def label_picture(
    labels: Int[Tensor, "height width"], label_names: tuple[str, ...]
) -> Float[Tensor, "3 height width"]:
    """A colour for each class; when they are used up they come again."""
    first = 1 if label_names[:1] == (BACKGROUND,) else 0
    hues = ((labels - first) % MOST_CLASSES).masked_fill(labels < first, -1)
    return class_colours(hues).permute(2, 0, 1)


FINER = 2
"""Lifted cells in a cell of the encoder, in each direction: sources show borders of classes between them."""


class ClassOperator(EncoderOperator):
    """The class of a pixel is the one of its largest score.

    What is wrong with a rendered picture changes classes more than it changes features: it has no share unless one
    is settled for a scene, and no say about which sources to believe.
    """

    rendered_share, believes_picture = 0.0, False

    def lifted_size(self, height: int, width: int) -> tuple[int, int]:
        """Finer than `grid_size`, but not than the pixels."""
        rows, columns = self.grid_size(height, width)
        return max(rows, min(FINER * rows, height)), max(columns, min(FINER * columns, width))

    def labels(self, answer: Float[Tensor, "height width answers"]) -> Int[Tensor, "height width"]:
        """Number of the class of largest score."""
        return answer.argmax(dim=-1)

    def picture(
        self, answer: Float[Tensor, "height width answers"]
    ) -> Float[Tensor, "3 height width"]:
        """A colour for each class."""
        return label_picture(self.labels(answer), self.label_names)
