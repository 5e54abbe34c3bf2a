"""What a pre-trained 3D backbone says of points, without any training on their scene."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Float64
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from torch import Tensor

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.fields.backbone_file import SavedBackbone
from condense_ns.geometry.similarity import Similarity
from condense_ns.pipelines.loaded_run import RadianceRun
from condense_ns.pipelines.run_volume import volume_of_run
from condense_ns.rendering.pca_colours import fit_pca_colours, pca_colours
from condense_ns.volumes.from_points import PointCloud, check_cloud, volume_from_points
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.trilinear import trilinear

LATENT = "latent"
"""In place of an encoder: the backbone's own numbers, before they are decoded."""


@dataclass(frozen=True)
class PointFeatures:
    """Points with what is said of them."""

    xyz: Float64[Tensor, "points 3"]
    """In the coordinates of the cloud, or of the scene's dataset."""
    features: Float[Tensor, "points channels"]
    """Zero where they are not known."""
    known: Bool[Tensor, " points"]
    """Whether enough occupied voxels are around."""
    colours: Float[Tensor, "points 3"]
    """Of the features, in [0, 1]; the same for all scenes if an encoder is named."""


class FeatureGiver:
    """A backbone on its device.

    Args:
        saved: the backbone with its decoders.
        encoder: whose features are wanted; `LATENT` for the backbone's own.
        most_voxels: of a scene; its resolution is halved until there are no more.
        device: where to compute.

    Raises:
        UserError: the backbone was not trained with that encoder.
    """

    def __init__(
        self, saved: SavedBackbone, encoder: str, most_voxels: int, device: str = "cpu"
    ) -> None:
        self._backbone = saved.backbone.to(device)
        decoder = None if encoder == LATENT else saved.decoders.of_encoder(encoder)
        self._decoder = None if decoder is None else decoder.to(device)
        self._most_voxels, self._device = most_voxels, device

    def of_cloud(
        self, cloud: PointCloud, voxel_size: float | None, name: str, inside: bool = False
    ) -> PointFeatures:
        """Features of all points of a cloud.

        Args:
            cloud: of any size.
            voxel_size: in the cloud's units; chosen for it if None.
            name: of the cloud, for messages.
            inside: it was taken from within, so that estimated normals face its middle.

        Raises:
            UserError: as for `volume_from_points`.
        """
        check_cloud(cloud, name)
        low, high = cloud.positions.amin(dim=0), cloud.positions.amax(dim=0)
        viewpoints = (low + high)[None] / 2 if inside else None
        volume = volume_from_points(cloud, voxel_size, viewpoints, name)
        volume = volume.at_most(self._most_voxels)
        local = (cloud.positions - volume.origin).float()
        # Single precision is enough for places relative to the cloud.
        at_origin = replace(volume, origin=torch.zeros_like(volume.origin))
        return self._at(at_origin, local, cloud.positions)

    def of_scene(self, scene: PosedScene) -> PointFeatures:
        """Features of the centres of a scene's voxels.

        Raises:
            UserError: as for `volume_of_scene`.
        """
        volume = volume_of_scene(scene).at_most(self._most_voxels)
        return self._of_voxels(volume, scene.train_outputs)

    def of_run(self, run: RadianceRun) -> PointFeatures:
        """Features of the centres of the voxels that a run's density fills.

        Raises:
            UserError: as for `volume_of_run`.
        """
        return self._of_voxels(volume_of_run(run, self._most_voxels), run.outputs)

    def _of_voxels(self, volume: SparseVolume, outputs: DataparserOutputs) -> PointFeatures:
        to_model = Similarity.of_dataparser(outputs.dataparser_transform, outputs.dataparser_scale)
        given = to_model.inverse().points(volume.centres.double())
        return self._at(volume, volume.centres, given)

    @torch.no_grad()
    def _at(
        self,
        volume: SparseVolume,
        positions: Float[Tensor, "points 3"],
        given: Float64[Tensor, "points 3"],
    ) -> PointFeatures:
        volume, positions = volume.to(self._device), positions.to(self._device)
        latents = self._backbone([volume])[0]
        features, known = trilinear(volume, latents, positions)
        if self._decoder is None:
            basis, limits = fit_pca_colours(features)
            colours = pca_colours(features, features.mean(dim=0), basis, limits)
        else:
            decoder = self._decoder
            features = decoder(features) * known[:, None]
            shown = (decoder.mean, decoder.pca_basis, decoder.pca_range)
            colours = pca_colours(features, *shown)
        return PointFeatures(given, features.cpu(), known.cpu(), colours.cpu())
