"""Latents of visible voxels -> what finds the same place in another view; only training needs it.

MVNet's correspondence module is not public; this one is ours: a small network of its own, so that
features may hold more than what tells places apart.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

FIRST_SHARPNESS = 10.0
MOST_SHARP = 100.0


class CorrespondenceHead(nn.Module):
    """Unit vectors whose cosines, sharpened, say which cells show the same place.

    Args:
        latent_dim: of the backbone.
        width: of the hidden layer and of the answer.
    """

    def __init__(self, latent_dim: int, width: int = 64) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(latent_dim, width), nn.GELU(), nn.Linear(width, width))
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(FIRST_SHARPNESS)))

    @property
    def sharpness(self) -> Float[Tensor, ""]:
        """Factor from cosines to logits."""
        return self.log_sharpness.exp().clamp_max(MOST_SHARP)

    def forward(self, latents: Float[Tensor, "*cells latent"]) -> Float[Tensor, "*cells width"]:
        """Unit vectors of cells."""
        return F.normalize(self.net(latents), dim=-1, eps=1e-6)
