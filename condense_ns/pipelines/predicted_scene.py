"""What a pre-trained backbone says of a scene that nothing was trained on, at any place in it."""

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor
from torch.nn import functional as F

from condense_ns.fields.backbone_file import SavedBackbone
from condense_ns.pipelines.voxel_depth import VoxelDepth
from condense_ns.volumes.trilinear import trilinear


class PredictedScene:
    """Voxels of a scene with latents; whatever is asked and answered lies on the CPU.

    Args:
        voxels: of the scene, on the device where the backbone shall compute.
        saved: the backbone.
    """

    @torch.no_grad()
    def __init__(self, voxels: VoxelDepth, saved: SavedBackbone) -> None:
        self._saved, self._volume = saved, voxels.volume
        self._device = self._volume.density.device
        self._latents = saved.backbone.to(self._device)([self._volume])[0]

    def known(self, xyz: Float64[Tensor, "points 3"]) -> Bool[Tensor, " points"]:
        """Whether enough occupied voxels are around places of the model's frame."""
        return self._at(self._volume.normal, xyz)[1].cpu()

    def normals(self, xyz: Float64[Tensor, "points 3"]) -> Float[Tensor, "points 3"]:
        """Unit vectors out of the surface; zero where unknown."""
        return F.normalize(self._at(self._volume.normal, xyz)[0], dim=1, eps=1e-6).cpu()

    @property
    def knows_scores(self) -> bool:
        """Whether keypoint scores were trained for."""
        return self._saved.others is not None and self._saved.others.scores_learned

    @torch.no_grad()
    def scores(self, xyz: Float64[Tensor, "points 3"]) -> Float[Tensor, " points"]:
        """How likely keypoints lie there, in [0, 1], for a backbone that `knows_scores`; 0 where unknown."""
        assert self._saved.others is not None
        scores = self._saved.others.score_3d.to(self._device)(self._latents).sigmoid()
        return self._at(scores[:, None], xyz)[0][:, 0].cpu()

    @torch.no_grad()
    def features(self, xyz: Float64[Tensor, "points 3"]) -> dict[str, Float[Tensor, "points _"]]:
        """Unit vectors by encoder: decoded latents, zero where unknown."""
        latents, known = self._at(self._latents, xyz)
        decoders = self._saved.decoders.to(self._device)
        return {
            spec: (F.normalize(decoders.of_encoder(spec)(latents), dim=1) * known[:, None]).cpu()
            for spec in decoders.channels
        }

    def _at(
        self, values: Float[Tensor, "voxels channels"], xyz: Float64[Tensor, "points 3"]
    ) -> tuple[Float[Tensor, "points channels"], Bool[Tensor, " points"]]:
        """Values of voxels at places, and where they are known."""
        return trilinear(self._volume, values, xyz.float().to(self._device))
