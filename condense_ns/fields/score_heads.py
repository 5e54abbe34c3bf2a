"""Feature -> keypoint score, one small head for each branch (`methods.md` 1.3: h2 and h3)."""

from jaxtyping import Float
from torch import Tensor, nn

from condense_ns.fields.keypoint_field import START

WIDTH = 32


class ScoreHeads(nn.Module):
    """h2 reads refined features of an encoder, h3 latents of voxels.

    Args:
        channels: of the encoder whose features h2 reads.
        latent_dim: of the backbone.
    """

    def __init__(self, channels: int, latent_dim: int) -> None:
        super().__init__()
        self.of_2d = _head(channels)
        self.of_3d = _head(latent_dim)

    def logits_2d(self, features: Float[Tensor, "*cells channels"]) -> Float[Tensor, "*cells"]:
        """Logits at cells; features in standardised units."""
        return self.of_2d(features)[..., 0]

    def logits_3d(self, latents: Float[Tensor, "voxels latent"]) -> Float[Tensor, " voxels"]:
        """Logits of voxels."""
        return self.of_3d(latents)[..., 0]


def _head(inputs: int) -> nn.Sequential:
    last = nn.Linear(WIDTH, 1)
    nn.init.constant_(last.bias, START)
    return nn.Sequential(nn.Linear(inputs, WIDTH), nn.GELU(), last)
