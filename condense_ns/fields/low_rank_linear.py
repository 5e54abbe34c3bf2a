"""Low-rank updates of linear layers (LoRA: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021).

A layer W of a network that is trained already stays as it is; learned is the product of two small matrices
beside it, of rank r (equation 3 there):

    y = W x + b + (alpha / r) B A x

A is random and B zero, so that nothing is added before training. Alpha is the same for all ranks: with it
the learning rate that suits one suits the others.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

ALPHA = 16.0


class LowRankLinear(nn.Linear):
    """A frozen linear layer with a low-rank update.

    Args:
        inputs: width of what it reads.
        outputs: width of what it answers.
        rank: of the update, at least 1.
    """

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__(inputs, outputs)
        self.requires_grad_(False)
        self.down = nn.Parameter(torch.empty(rank, inputs))
        self.up = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, input: Float[Tensor, "*batch inputs"]) -> Float[Tensor, "*batch outputs"]:  # noqa: A002
        """Answers of the layer and its update."""
        update = nn.functional.linear(nn.functional.linear(input, self.down), self.up)
        return super().forward(input) + self._strength * update

    @property
    def merged_weight(self) -> Float[Tensor, "outputs inputs"]:
        """W + (alpha / r) B A: the weight of a plain layer that answers the same."""
        return self.weight + self._strength * self.up @ self.down

    @property
    def _strength(self) -> float:
        return ALPHA / len(self.down)


def linear(inputs: int, outputs: int, rank: int) -> nn.Linear:
    """A layer that is trained itself, at rank 0, or by an update of that rank."""
    return LowRankLinear(inputs, outputs, rank) if rank else nn.Linear(inputs, outputs)
