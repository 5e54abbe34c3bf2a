"""Position -> keypoint score: the 3D branch of the detector.

The same shape as the feature field, a hash grid and a small MLP, with one number at its end. Scores
are composited along rays with the weights that composite colour and features: S3D(r) = sum_i w_i s(x_i)
(`methods.md` section 1.3).
"""

from typing import Literal

import torch
from jaxtyping import Float
from nerfstudio.field_components.encodings import HashEncoding
from nerfstudio.field_components.spatial_distortions import SpatialDistortion
from torch import Tensor, nn

from condense_ns.fields.feature_field import FeatureField

START = -3.0
"""Logit before training: most places are no keypoints."""


class KeypointField(nn.Module):
    """Scores at positions.

    Args:
        aabb: the scene box, corners [2 3]; only used without `spatial_distortion`.
        spatial_distortion: that of the host's field, or None for a bounded scene.
        grid: encoding of positions in [0, 1]^3.
        implementation: of the MLP; `tcnn` where tinycudann is installed, else `torch`.
    """

    def __init__(
        self,
        aabb: Float[Tensor, "2 3"],
        spatial_distortion: SpatialDistortion | None,
        grid: HashEncoding,
        implementation: Literal["tcnn", "torch"] = "torch",
    ) -> None:
        super().__init__()
        self.trunk = FeatureField(
            aabb,
            spatial_distortion,
            grid,
            latent_dim=16,
            hidden_dim=32,
            implementation=implementation,
        )
        self.logit = nn.Linear(16, 1)
        nn.init.constant_(self.logit.bias, START)

    def forward(self, positions: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch"]:
        """Scores in [0, 1] at world positions."""
        if positions.numel() == 0:
            return positions.sum(dim=-1)
        return torch.sigmoid(self.logit(self.trunk(positions)))[..., 0]
