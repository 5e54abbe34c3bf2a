"""Operators whose first half is a whole encoder."""

from jaxtyping import Float
from torch import Tensor

from condense_ns.operators.base import EncodingHalf, Operator


class EncoderOperator(Operator):
    """What is lifted are the features of an encoder."""

    def __init__(self, spec: str, encoder: EncodingHalf) -> None:
        """Take over the encoder's layout.

        Args:
            spec: the text that names the operator.
            encoder: whose features are lifted.
        """
        self.spec = spec
        self.channels = encoder.channels
        self.fingerprint = encoder.fingerprint
        self.device = encoder.device
        self.concurrent = encoder.concurrent
        self._encoder = encoder

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map of an image of `height` x `width` pixels."""
        return self._encoder.grid_size(height, width)

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """The encoder's features."""
        return self._encoder.encode(images)
