"""The 2D branch of condense-pretrain: a part per encoder that refines its features, keypoint scores of the first one's.

The part is an adapter behind the encoder (`feature_refiner.py`), or the encoder's own last blocks
(`encoder_tail.py`). Before training both answer the encoder's features. Refined features leave the space of the
encoder's; a linear layer per encoder, learned beside the part, reads out of them what the encoder says there.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import Parameter

from condense_ns.fields.encoder_tail import EncoderTail
from condense_ns.fields.feature_refiner import FeatureRefiner
from condense_ns.fields.score_head import ScoreHead
from condense_ns.tensors import TailShape


class Branch2D(nn.Module):
    """Scores are read from standardised features.

    Args:
        channels: width of each encoder's features, by its spec; at least one.
        width: of the adapters.
        tails: sizes of the last blocks that stand in the place of adapters, by the same specs.
    """

    def __init__(
        self,
        channels: Mapping[str, int],
        width: int = 128,
        tails: Mapping[str, TailShape] | None = None,
    ) -> None:
        super().__init__()
        self.channels, self.width = dict(channels), width
        shapes = tails or {}
        self.refiners = nn.ModuleList(
            EncoderTail(shapes[spec]) if spec in shapes else FeatureRefiner(count, width)
            for spec, count in self.channels.items()
        )
        self.score = ScoreHead(next(iter(self.channels.values())))
        self.read_outs = nn.ModuleList(_changing_nothing(count) for count in channels.values())

    def refined(
        self, spec: str, maps: Float[Tensor, "views rows columns channels"]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Refined maps of an encoder that has an adapter, standardised as the given ones are."""
        return self.part(spec)(maps)

    def part(self, spec: str) -> nn.Module:
        """The adapter of an encoder, or its last blocks."""
        return self.refiners[list(self.channels).index(spec)]

    def read_out(
        self, spec: str, refined: Float[Tensor, "*cells channels"]
    ) -> Float[Tensor, "*cells channels"]:
        """What a linear layer tells of an encoder's features from refined ones, both standardised."""
        return self.reader(spec)(refined)

    def reader(self, spec: str) -> nn.Module:
        """The linear layer of an encoder; changes nothing before training."""
        return self.read_outs[list(self.channels).index(spec)]

    def tail(self, spec: str) -> EncoderTail | None:
        """The last blocks of an encoder; None if it has an adapter."""
        part = self.part(spec)
        return part if isinstance(part, EncoderTail) else None

    def reads_out(self, spec: str) -> bool:
        """Whether the linear layer of an encoder has learned anything."""
        layer = self.reader(spec)
        assert isinstance(layer, nn.Linear)
        return not torch.equal(layer.weight, torch.eye(len(layer.weight)).to(layer.weight))

    @property
    def tails(self) -> dict[str, EncoderTail]:
        """Of all encoders that have one, by their specs."""
        found = {spec: self.tail(spec) for spec in self.channels}
        return {spec: tail for spec, tail in found.items() if tail is not None}

    @property
    def tail_sizes(self) -> dict[str, dict[str, Any]]:
        """Their shapes, in what JSON can hold."""
        return {spec: asdict(tail.shape) for spec, tail in self.tails.items()}

    @property
    def tuned_weights(self) -> list[Parameter]:
        """What is trained of them."""
        weights = (weight for tail in self.tails.values() for weight in tail.parameters())
        return [weight for weight in weights if weight.requires_grad]

    @property
    def of_encoders(self) -> set[str]:
        """Names of weights here that are the encoders' and are never trained."""
        return {
            f"refiners.{list(self.channels).index(spec)}.{name}"
            for spec, tail in self.tails.items()
            for name in tail.of_the_encoder
        }


def _changing_nothing(channels: int) -> nn.Linear:
    """Drawn without numbers that other weights would miss."""
    layer = nn.Linear(channels, channels, device="meta").to_empty(device="cpu")
    nn.init.eye_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
