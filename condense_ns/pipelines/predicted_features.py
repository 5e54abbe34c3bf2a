"""A scene that begins with the features that a pre-trained backbone predicts for it.

As for the geometry of another run there are two steps around the building of the model: sizes before it,
weights after it.
"""

from pathlib import Path

import torch
from jaxtyping import Float64
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from torch import Tensor

from condense_ns.data.feature_datamanager import FeatureDataManager
from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import recognised_place
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import load_backbone
from condense_ns.geometry.similarity import Similarity
from condense_ns.models.condense_dense import CondenseDenseModel, CondenseDenseModelConfig
from condense_ns.pipelines.voxel_depth import IMAGE_SIZE


def adopt_sizes(ours: CondenseDenseModelConfig, encoders: tuple[str, ...], backbone: Path) -> None:
    """Give our decoders the sizes of those in a backbone's file.

    Raises:
        UserError: no such file, or it was not trained with an encoder of the run.
    """
    saved = load_backbone(backbone)
    for spec in encoders:
        saved.decoders.of_encoder(spec)
    ours.feature_latent_dim = saved.backbone.latent_dim
    ours.feature_hidden_dim = saved.decoders.hidden_dim


@torch.no_grad()
def adopt_prediction(
    model: CondenseDenseModel, datamanager: FeatureDataManager, backbone: Path, most_voxels: int
) -> None:
    """Predict the scene's features and make them what the model answers before it is trained.

    Raises:
        UserError: the scene has no volume, or an encoder has other weights than the backbone learned from.
    """
    folder = datamanager.get_datapath()
    place = recognised_place(folder)
    if place is None:
        raise UserError(
            f"{folder} is no scene that --pipeline.model.backbone can read; give a folder with "
            "transforms.json, transforms_train.json or colmap/"
        )
    scene, saved = PosedScene(place, IMAGE_SIZE), load_backbone(backbone)
    volume = volume_of_scene(scene).at_most(most_voxels)
    latents = saved.backbone([volume])[0]
    assert model.predicted is not None
    to_volume = _between(datamanager.train_dataparser_outputs, scene.train_outputs)
    model.predicted.fill(volume, latents, to_volume)
    for spec in model.config.features:
        theirs = saved.decoders.of_encoder(spec, datamanager.teachers[spec].fingerprint)
        model.decoder(spec).load_state_dict(theirs.state_dict(), strict=False)


def _between(ours: DataparserOutputs, theirs: DataparserOutputs) -> Float64[Tensor, "3 4"]:
    """Moves positions from our frame of a dataset into another frame of it."""
    back = Similarity.of_dataparser(ours.dataparser_transform, ours.dataparser_scale).inverse()
    there = Similarity.of_dataparser(theirs.dataparser_transform, theirs.dataparser_scale)
    corners = torch.cat([torch.zeros(1, 3), torch.eye(3)]).double()
    moved = there.points(back.points(corners))
    return torch.cat([(moved[1:] - moved[:1]).T, moved[:1].T], dim=1)
