"""Segmentation by words: ``classes:<encoder spec>?<class>,<class>,...``.

Words that describe one class stand between semicolons: ``classes:mini?chair;armchair,table,floor``.
How a feature is assigned to a class is told in `condense_ns.retrieval.segmentation`.
"""

from functools import partial

from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import ImageEncoder, TextImageEncoder
from condense_ns.operators.base import OperatorError
from condense_ns.operators.class_answers import ClassOperator
from condense_ns.operators.pixels import scored_at_pixels
from condense_ns.retrieval.asking import class_embeddings
from condense_ns.retrieval.segmentation import class_scores


def parse_classes(spec: str) -> tuple[str, list[str]]:
    """Spec of the encoder and the words of each class in ``classes:<encoder>?<class>,...``.

    Raises:
        OperatorError: no encoder or no classes.
    """
    encoder, _, listing = spec.removeprefix("classes:").rpartition("?")
    classes = [words.strip() for words in listing.split(",") if words.strip()]
    if not encoder or not classes:
        raise OperatorError(
            f"{spec}: expected classes:<encoder>?<class>,<class>,..., for example "
            "classes:mini?chair,table,floor"
        )
    return encoder, classes


class ClassesOperator(ClassOperator):
    """Features are lifted; the answer is the probability of each class."""

    def __init__(self, spec: str, encoder: ImageEncoder, classes: list[str]) -> None:
        """Embed the words.

        Args:
            spec: the text that names the operator.
            encoder: whose features are lifted and whose text tower is asked.
            classes: words for each class; several for one class stand between semicolons.

        Raises:
            OperatorError: an encoder without text.
        """
        if not isinstance(encoder, TextImageEncoder):
            raise OperatorError(
                f"{spec}: {encoder.spec} does not understand text; use an encoder that does, for "
                "example openclip:ViT-B-16/laion2b_s34b_b88k or mini"
            )
        super().__init__(spec, encoder)
        self.label_names = tuple(words.split(";")[0].strip() for words in classes)
        self._score = partial(
            class_scores,
            embeddings=class_embeddings(encoder, classes),
            inverse_temperature=encoder.inverse_temperature,
        )

    def decode(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "height width classes"]:
        """Probabilities of the classes, of the features at pixels."""
        height, width = image.shape[-2:]
        return scored_at_pixels(feature_map.to(self.device), height, width, self._score)
