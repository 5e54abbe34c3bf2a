"""The 2D branch of condense-pretrain: a refiner per encoder, keypoint scores of the first one's features."""

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.fields.feature_refiner import FeatureRefiner
from condense_ns.fields.score_head import ScoreHead


class Branch2D(nn.Module):
    """Reads and answers standardised features.

    Args:
        channels: width of each encoder's features, by its spec; at least one.
        width: of the refiners.
    """

    def __init__(self, channels: Mapping[str, int], width: int = 128) -> None:
        super().__init__()
        self.channels, self.width = dict(channels), width
        self.refiners = nn.ModuleList(
            FeatureRefiner(count, width) for count in self.channels.values()
        )
        self.score = ScoreHead(next(iter(self.channels.values())))

    def refined(
        self, spec: str, maps: Float[Tensor, "views rows columns channels"]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Refined maps of an encoder of the branch."""
        return self.refiners[list(self.channels).index(spec)](maps)
