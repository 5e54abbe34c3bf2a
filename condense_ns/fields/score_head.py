"""Feature -> keypoint score: h2 on refined 2D features, h3 on voxels' latents (`methods.md` 1.3)."""

from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.fields.keypoint_field import START

WIDTH = 32


class ScoreHead(nn.Module):
    """A small network with one number at its end.

    Args:
        channels: of the features that it reads.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = nn.Linear(WIDTH, 1)
        nn.init.constant_(last.bias, START)
        self.net = nn.Sequential(nn.Linear(channels, WIDTH), nn.GELU(), last)

    def forward(self, features: Float[Tensor, "*cells channels"]) -> Float[Tensor, "*cells"]:
        """Logits."""
        return self.net(features)[..., 0]
