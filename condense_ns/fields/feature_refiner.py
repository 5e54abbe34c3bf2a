"""The 2D branch: what is added to an encoder's cached features to make them agree with 3D.

    refined = f + g(f)

g widens channels, goes through a few residual blocks that look around and mix channels in turn (as ConvNeXt's,
Z. Liu et al., A ConvNet for the 2020s, 2022), and ends in a layer of zeros: before training the branch
answers the encoder's own features. The encoder itself stays as it is, so that its features are computed
once; beside one of the usual size a trained branch costs little.
"""

from jaxtyping import Float
from torch import Tensor, nn

WINDOW = 5
"""Cells that a block looks at, in each direction."""
BLOCKS = 4
WIDER = 2
"""What a block mixes channels in, in widths."""


class FeatureRefiner(nn.Module):
    """The residual adapter of one encoder.

    Args:
        channels: of the encoder's features.
        width: of the blocks.
    """

    def __init__(self, channels: int, width: int = 128) -> None:
        super().__init__()
        self.channels, self.width = channels, width
        last = nn.Linear(width, channels)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        blocks = (_Block(width) for _ in range(BLOCKS))
        self.net = nn.Sequential(nn.Linear(channels, width), *blocks, last)

    def forward(
        self, maps: Float[Tensor, "views rows columns channels"]
    ) -> Float[Tensor, "views rows columns channels"]:
        """Refined maps, in the units of the given ones.

        Args:
            maps: of the encoder, standardised.
        """
        return maps + self.net(maps)


class _Block(nn.Module):
    """Each channel from its own surroundings, then each cell's channels from each other."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(
            width, width, WINDOW, padding=WINDOW // 2, groups=width, padding_mode="replicate"
        )
        self.mixed = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, WIDER * width),
            nn.GELU(),
            nn.Linear(WIDER * width, width),
        )

    def forward(
        self, maps: Float[Tensor, "views rows columns width"]
    ) -> Float[Tensor, "views rows columns width"]:
        around = self.around(maps.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return maps + self.mixed(around)
