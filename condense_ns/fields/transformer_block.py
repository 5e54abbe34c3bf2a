"""Blocks of a vision transformer, as trained encoders have them (Dosovitskiy et al., 2021).

    x ← x + s₁ · attention(norm(x))        x ← x + s₂ · mlp(norm(x))

The scales s, one number per channel, are those of CaiT (Touvron et al., 2021), which DINOv2 has and CLIP
has not. Nothing is left out at random in training: features are compared with those of a network that
leaves nothing out.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from condense_ns.fields.low_rank_linear import linear
from condense_ns.tensors import TailShape

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_tanh": lambda values: F.gelu(values, approximate="tanh"),
    "quick_gelu": lambda values: values * torch.sigmoid(1.702 * values),
    "swiglu": F.silu,
}
"""By their names in `TailShape`. That of ``swiglu`` acts on the gate alone (Shazeer, 2020)."""
Tokens = Float[Tensor, "views tokens width"]


class SelfAttention(nn.Module):
    """Every token asks all tokens.

    Args:
        shape: of the block.
    """

    def __init__(self, shape: TailShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query, self.key, self.value, self.out = (
            linear(shape.width, shape.width, shape.rank) for _ in range(4)
        )

    def forward(self, tokens: Tokens) -> Tokens:
        """Mixed values of all tokens, projected."""
        query, key, value = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Perceptron(nn.Module):
    """One hidden layer, with a gate if the activation is ``swiglu``.

    Args:
        shape: of the block.
    """

    def __init__(self, shape: TailShape) -> None:
        super().__init__()
        self.activation = shape.activation
        self.widen = linear(shape.width, shape.hidden, shape.rank)
        self.narrow = linear(shape.hidden, shape.width, shape.rank)
        self.gate = None
        if shape.activation == "swiglu":
            self.gate = linear(shape.width, shape.hidden, shape.rank)

    def forward(self, tokens: Tokens) -> Tokens:
        """Each token by itself."""
        activated, wide = ACTIVATIONS[self.activation], self.widen(tokens)
        if self.gate is None:
            return self.narrow(activated(wide))
        return self.narrow(activated(self.gate(tokens)) * wide)


class TransformerBlock(nn.Module):
    """Attention, then a perceptron, each beside the tokens as they came.

    Args:
        shape: of the block.
    """

    def __init__(self, shape: TailShape) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = (nn.LayerNorm(shape.width, shape.epsilon) for _ in range(2))
        self.attention, self.mlp = SelfAttention(shape), Perceptron(shape)
        self.scale_1, self.scale_2 = _scale(shape), _scale(shape)

    def forward(self, tokens: Tokens) -> Tokens:
        """What the next block reads."""
        tokens = tokens + _scaled(self.attention(self.norm_1(tokens)), self.scale_1)
        return tokens + _scaled(self.mlp(self.norm_2(tokens)), self.scale_2)


class OwnValues(nn.Module):
    """What MaskCLIP leaves of CLIP's last block (`encoders/openclip.py`): each token's own value.

    Args:
        shape: of the block.
    """

    def __init__(self, shape: TailShape) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(shape.width, shape.epsilon)
        self.value, self.out = (linear(shape.width, shape.width, shape.rank) for _ in range(2))
        self.scale_1 = _scale(shape)

    def forward(self, tokens: Tokens) -> Tokens:
        """Values, projected."""
        return _scaled(self.out(self.value(self.norm_1(tokens))), self.scale_1)


def _scale(shape: TailShape) -> nn.Parameter | None:
    return nn.Parameter(torch.ones(shape.width)) if shape.scaled else None


def _scaled(values: Tokens, scale: Float[Tensor, " width"] | None) -> Tokens:
    return values if scale is None else values * scale
