"""Latents that a pre-trained backbone predicts for a scene, at any position of a run's model."""

from typing import Any

import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.trilinear import trilinear


class PredictedLatents(nn.Module):
    """Voxels and their latents, empty at first; saved and loaded with the run whatever their number.

    What a run learns is added to the prediction, times a number that begins at zero.

    Args:
        latent_dim: numbers per voxel.
    """

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.voxel_indices: Tensor
        self.latents: Tensor
        self.frame: Tensor
        self.to_volume: Tensor
        self.register_buffer("voxel_indices", torch.zeros(0, 3, dtype=torch.int32))
        self.register_buffer("latents", torch.zeros(0, latent_dim))
        self.register_buffer("frame", torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.float64))
        self.register_buffer("to_volume", torch.eye(3, 4, dtype=torch.float64))
        self.learned_share = nn.Parameter(torch.zeros(()))

    def fill(
        self,
        volume: SparseVolume,
        latents: Float[Tensor, "voxels latent"],
        to_volume: Float64[Tensor, "3 4"],
    ) -> None:
        """Take over a prediction.

        Args:
            volume: of the scene.
            latents: of its voxels.
            to_volume: moves positions of the model into the volume's frame.
        """
        size = torch.tensor([volume.voxel_size], dtype=torch.float64)
        self.voxel_indices = volume.voxel_indices.to(self.latents.device)
        self.latents = latents.detach().to(self.latents)
        self.frame = torch.cat([volume.origin.cpu(), size]).to(self.latents.device)
        self.to_volume = to_volume.to(self.to_volume)

    def forward(
        self, positions: Float[Tensor, "*batch 3"], learned: Float[Tensor, "*batch latent"]
    ) -> Float[Tensor, "*batch latent"]:
        """Latents at positions: predicted where the volume has voxels, and what the run adds."""
        flat = positions.reshape(-1, 3).double()
        places = flat @ self.to_volume[:, :3].T + self.to_volume[:, 3]
        found, _ = trilinear(self._volume(), self.latents, places.float())
        return found.reshape(learned.shape) + self.learned_share * learned

    def _volume(self) -> SparseVolume:
        """The voxels, with nothing known of them."""
        count, device = len(self.voxel_indices), self.latents.device
        nothing = torch.zeros(1, 1, device=device)
        return SparseVolume(
            voxel_indices=self.voxel_indices,
            voxel_size=float(self.frame[3]),
            origin=self.frame[:3],
            density=nothing[0].expand(count),
            colour=nothing.expand(count, 3),
            normal=nothing.expand(count, 3),
            kind="points",
        )

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Make room for as many voxels as the run had."""
        for name in ("voxel_indices", "latents"):
            saved = state_dict.get(prefix + name)
            if saved is not None:
                setattr(self, name, getattr(self, name).new_zeros(saved.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
