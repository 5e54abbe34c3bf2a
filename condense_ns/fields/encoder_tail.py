"""The end of a 2D encoder as the 2D branch of condense-pretrain: its last blocks, trained on.

The *trunk* below them stays as it is. So its answers are stored once, as any encoder's maps, and training
the tail on them is training the encoder from its images on, without running the trunk in every step.
Which blocks ConDense trains, and how, is unknown (`methods.md` 1.2).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.fields.low_rank_linear import LowRankLinear
from condense_ns.fields.transformer_block import OwnValues, TransformerBlock
from condense_ns.geometry.token_map import tokens_from_map
from condense_ns.tensors import TailShape


class EncoderTail(nn.Module):
    """Last blocks, the norm behind them, and CLIP's projection.

    At rank 0 all of it is trained. Otherwise low-rank updates of its linear layers are, and the rest is
    the encoder's.

    Args:
        shape: sizes.
    """

    def __init__(self, shape: TailShape) -> None:
        super().__init__()
        self.shape = shape
        whole = shape.blocks - 1 if shape.own_values else shape.blocks
        self.blocks = nn.ModuleList(TransformerBlock(shape) for _ in range(whole))
        if shape.own_values:
            self.blocks.append(OwnValues(shape))
        self.norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.projection = None
        if shape.own_values:
            self.projection = nn.Linear(shape.width, shape.channels, bias=False)
        if shape.rank:
            self._freeze_all_but_updates()
        self.lacks_encoder = False
        """Whether the encoder's own weights must be taken over before it can answer."""

    def forward(
        self, trunk: Float[Tensor, "views trunk_rows columns width"]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Maps in the encoder's units.

        Args:
            trunk: what enters the blocks, with its prefix as in `geometry.token_map`.
        """
        assert not self.lacks_encoder
        tokens = tokens_from_map(trunk, self.shape.prefix)
        for block in self.blocks:
            tokens = block(tokens)
        answers = self.norm(tokens[:, self.shape.prefix :])
        if self.projection is not None:
            answers = self.projection(answers)
        return answers.unflatten(1, (-1, trunk.shape[2]))

    @property
    def of_the_encoder(self) -> set[str]:
        """Names of weights that are never trained, since updates stand beside them."""
        return {name for name, weight in self.named_parameters() if not weight.requires_grad}

    @torch.no_grad()
    def take_over(self, weights: dict[str, Float[Tensor, "..."]]) -> None:
        """Begin as the encoder, with whatever updates there are.

        Args:
            weights: the encoder's, by their names here (`tensors.TailWeights`).
        """
        own = self.state_dict()
        for name, value in weights.items():
            own[name].copy_(value)
        self.lacks_encoder = False

    def _freeze_all_but_updates(self) -> None:
        self.requires_grad_(False)
        for layer in self.modules():
            if isinstance(layer, LowRankLinear):
                layer.down.requires_grad_(True)
                layer.up.requires_grad_(True)
