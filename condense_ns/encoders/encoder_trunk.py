"""A vision transformer cut in two: the trunk, an encoder by itself, and the tail, weights to train on."""

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import EncoderError, ImageEncoder
from condense_ns.encoders.fingerprint import fingerprint
from condense_ns.geometry.token_map import map_from_tokens, prefix_rows
from condense_ns.tensors import TailShape, TailWeights

CODE_VERSION = 1


class CuttableEncoder(ImageEncoder):
    """An encoder of transformer blocks.

    Attributes:
        num_blocks: how many it has.
    """

    num_blocks: int

    @abstractmethod
    def tail_shape(self, blocks: int) -> TailShape:
        """Sizes of the last so many blocks, 1 to `num_blocks`, and of all behind them.

        Raises:
            EncoderError: the blocks are of a kind that `fields.encoder_tail` does not know.
        """

    @abstractmethod
    def tail_weights(self, blocks: int) -> dict[str, Float[Tensor, "..."]]:
        """Their weights, as in `TailWeights`."""

    @abstractmethod
    def trunk_tokens(
        self, images: Float[Tensor, "batch 3 height width"], blocks: int
    ) -> Float[Tensor, "batch tokens token_width"]:
        """What enters the last so many blocks, for RGB images in [0, 1]."""


class EncoderTrunk(ImageEncoder):
    """What enters the last blocks of an encoder, as maps (`geometry.token_map`): prefix tokens below the patches'.

    Args:
        encoder: to be cut; its weights are shared.
        blocks: that are cut off, at least 1.

    Raises:
        EncoderError: it has no blocks, fewer, or some of an unknown kind.
    """

    def __init__(self, encoder: ImageEncoder, blocks: int) -> None:
        if not isinstance(encoder, CuttableEncoder):
            raise EncoderError(
                f"{encoder.spec} has no transformer blocks that could be tuned; name encoders that have, "
                "e.g. dinov2-small, or set --pipeline.model.tuned-blocks 0"
            )
        if blocks > encoder.num_blocks:
            raise EncoderError(
                f"{encoder.spec} has {encoder.num_blocks} blocks, of which {blocks} cannot be tuned; set "
                f"--pipeline.model.tuned-blocks {encoder.num_blocks} or less"
            )
        self._encoder, self._shape = encoder, encoder.tail_shape(blocks)
        self.spec = f"{encoder.spec} below {blocks} blocks"
        self.device, self.patch_size = encoder.device, encoder.patch_size
        self.channels = self._shape.width
        self.fingerprint = fingerprint(
            {"trunk": CODE_VERSION, "encoder": encoder.fingerprint, "blocks": blocks}
        )

    @property
    def tail(self) -> TailWeights:
        """What was cut off."""
        return TailWeights(self._shape, self._encoder.tail_weights(self._shape.blocks))

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map, the rows of the prefix included."""
        rows, columns = self._encoder.grid_size(height, width)
        return rows + prefix_rows(self._shape.prefix, columns), columns

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Maps of tokens."""
        _, columns = self._encoder.grid_size(*images.shape[-2:])
        tokens = self._encoder.trunk_tokens(images, self._shape.blocks)
        return map_from_tokens(tokens, self._shape.prefix, columns)
