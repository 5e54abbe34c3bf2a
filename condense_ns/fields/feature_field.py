"""Position -> latent feature: a hash grid and a small MLP, one trunk for all encoders.

The latent is decoded *after* compositing (`FeatureDecoder`): per sample only ``latent_dim`` numbers
are looked up and summed, whatever the width of the encoder, and a linear compositing of latents is
what the volume rendering of `methods.md` section 1.3 asks for when the decoder is affine.
"""

from typing import Literal

import torch
from jaxtyping import Float, UInt8
from nerfstudio.field_components.encodings import HashEncoding
from nerfstudio.field_components.mlp import MLP
from nerfstudio.field_components.spatial_distortions import SpatialDistortion
from torch import Tensor, nn

from condense_ns.errors import UserError
from condense_ns.tensors import FeatureStatistics

FINGERPRINT_BYTES = 32


class FeatureField(nn.Module):
    """The trunk: world positions to latent features.

    Args:
        aabb: the scene box, corners [2 3]; only used without `spatial_distortion`.
        spatial_distortion: the host field's own contraction, so that features sit where its
            densities sit, or None for a bounded scene.
        grid: encoding of positions in [0, 1]^3.
        latent_dim: numbers per sample that are composited along a ray.
        hidden_dim: width of the MLP's one hidden layer.
        implementation: of the MLP; `tcnn` where tinycudann is installed, else `torch`.
    """

    def __init__(
        self,
        aabb: Float[Tensor, "2 3"],
        spatial_distortion: SpatialDistortion | None,
        grid: HashEncoding,
        latent_dim: int = 64,
        hidden_dim: int = 64,
        implementation: Literal["tcnn", "torch"] = "torch",
    ) -> None:
        super().__init__()
        self.aabb: Tensor
        self.register_buffer("aabb", aabb.detach().clone(), persistent=False)
        self.spatial_distortion = spatial_distortion
        self.grid = grid
        self.mlp = MLP(
            in_dim=grid.get_out_dim(),
            num_layers=2,
            layer_width=hidden_dim,
            out_dim=latent_dim,
            implementation=implementation,
        )

    def unit_positions(self, positions: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """World positions in [0, 1]^3, by the rule of nerfacto's own field."""
        if self.spatial_distortion is not None:
            return (self.spatial_distortion(positions) + 2.0) / 4.0
        return (positions - self.aabb[0]) / (self.aabb[1] - self.aabb[0])

    def forward(self, positions: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch latent"]:
        """Latent features at world positions; zero outside the unit cube."""
        unit = self.unit_positions(positions)
        inside = ((unit > 0.0) & (unit < 1.0)).all(dim=-1, keepdim=True)
        flat = (unit * inside).reshape(-1, 3)
        latent = self.mlp(self.grid(flat)).float().reshape(*positions.shape[:-1], -1)
        return latent * inside


class FeatureDecoder(nn.Module):
    """Composited latent -> feature of one encoder, in that encoder's own units.

    Training happens in standardised units, ``(feature - mean) / scale``, so that encoders of any
    range share learning rates and loss weights; the statistics are buffers and travel in the
    checkpoint, with the encoder's fingerprint.

    The answer is the sum of two parts: what is the same from every side, and what changes with the
    view (`fields/view_code.py`). Training holds the second part small.

    Args:
        latent_dim: width of the latent.
        channels: width of the encoder's features.
        hidden_dim: width of the hidden layers; 0 makes the first part affine.
        view_dim: width of the view code that follows the latent; 0 leaves the second part out.
    """

    def __init__(self, latent_dim: int, channels: int, hidden_dim: int, view_dim: int = 0) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.channels = channels
        self.mean: Tensor
        self.scale: Tensor
        self.pca_basis: Tensor
        self.pca_range: Tensor
        self.fingerprint: Tensor
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("pca_basis", torch.eye(channels, 3))
        self.register_buffer("pca_range", torch.tensor([[-1.0] * 3, [1.0] * 3]))
        self.register_buffer("fingerprint", torch.zeros(FINGERPRINT_BYTES, dtype=torch.uint8))
        self.net = _network(latent_dim, hidden_dim, channels)
        self.view_net = None
        if view_dim:
            self.view_net = _network(latent_dim + view_dim, hidden_dim, channels)
            nn.init.zeros_(self.view_net[-1].weight)  # type: ignore[arg-type]
            nn.init.zeros_(self.view_net[-1].bias)  # type: ignore[arg-type]

    def parts(
        self, latent: Float[Tensor, "rays latent"]
    ) -> tuple[Float[Tensor, "rays channels"], Float[Tensor, "rays channels"]]:
        """The common part and the view's part of features, in standardised units.

        Args:
            latent: composited latent, followed by the view code if there is one.
        """
        common = self.net(latent[:, : self.latent_dim])
        of_view = torch.zeros_like(common) if self.view_net is None else self.view_net(latent)
        return common, of_view

    def standardised(
        self, features: Float[Tensor, "*batch channels"]
    ) -> Float[Tensor, "*batch channels"]:
        """Features of the encoder with its mean removed, in units of their scale."""
        return (features - self.mean) / self.scale

    def remember(self, known: FeatureStatistics) -> None:
        """Take over an encoder's statistics."""
        self.mean.copy_(known.mean)
        self.scale.fill_(known.scale)
        self.pca_basis.copy_(known.pca_basis)
        self.pca_range.copy_(known.pca_range)
        self.fingerprint.copy_(fingerprint_tensor(known.fingerprint))

    def forward(self, latent: Float[Tensor, "rays latent"]) -> Float[Tensor, "rays channels"]:
        """Decoded features in the encoder's units; arguments as for `parts`."""
        common, of_view = self.parts(latent)
        return (common + of_view) * self.scale + self.mean


def _network(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """One hidden layer, or none."""
    if not hidden:
        return nn.Sequential(nn.Linear(inputs, outputs))
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def fingerprint_tensor(fingerprint: str) -> UInt8[Tensor, "bytes"]:
    """An encoder's hexadecimal fingerprint as the bytes that a checkpoint carries.

    Raises:
        UserError: it is not hexadecimal.
    """
    try:
        data = bytes.fromhex(fingerprint)[:FINGERPRINT_BYTES]
    except ValueError as error:
        raise UserError(f"encoder fingerprint {fingerprint!r} is not hexadecimal") from error
    return torch.tensor(list(data.ljust(FINGERPRINT_BYTES, b"\0")), dtype=torch.uint8)
