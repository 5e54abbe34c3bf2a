"""The 2D branch: what is added to an encoder's cached features to make them agree with 3D.

    refined = f + g(f)

g mixes channels, then looks at 5 x 5 cells of each, twice, and ends in a layer of zeros: before training
the branch answers the encoder's own features. The encoder itself stays as it is, so that its features are
computed once, and a trained branch costs a hundredth of it.
"""

from jaxtyping import Float
from torch import Tensor, nn

WINDOW = 5
"""Cells that a layer looks at, in each direction."""


class FeatureRefiner(nn.Module):
    """The residual adapter of one encoder.

    Args:
        channels: of the encoder's features.
        width: of the hidden layers.
    """

    def __init__(self, channels: int, width: int = 128) -> None:
        super().__init__()
        self.channels, self.width = channels, width
        self.net = nn.Sequential(
            nn.Conv2d(channels, width, 1),
            nn.GELU(),
            _around(width),
            nn.GELU(),
            nn.Conv2d(width, width, 1),
            nn.GELU(),
            _around(width),
            nn.GELU(),
            nn.Conv2d(width, channels, 1),
        )
        last = self.net[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(
        self, maps: Float[Tensor, "views rows columns channels"]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Refined maps, in the units of the given ones.

        Args:
            maps: of the encoder, standardised.
        """
        return maps + self.net(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def _around(width: int) -> nn.Conv2d:
    """Each channel from its own surroundings."""
    return nn.Conv2d(
        width, width, WINDOW, padding=WINDOW // 2, groups=width, padding_mode="replicate"
    )
