"""The network of a run over many scenes, from its last checkpoint, without its scenes."""

from pathlib import Path

import torch
from torch import Tensor, nn

from condense_ns.data.volume_datamanager import VolumeDataManagerConfig
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import OtherParts, SavedBackbone
from condense_ns.models.condense_pretrain import CondensePretrainModelConfig
from condense_ns.models.cross_scene_model import CrossSceneModelConfig
from condense_ns.pipelines.checkpoint_checks import check_keys
from condense_ns.pipelines.distributed_model import without_wrapper
from condense_ns.pipelines.frozen_geometry import read_run
from condense_ns.pipelines.numpy_scalars import allow_numpy_scalars_in_checkpoints
from condense_ns.pipelines.run_checkpoint import newest_checkpoint
from condense_ns.pretraining.joint_network import JointNetwork

PREFIX = "_model.network."


def run_weights(load_config: Path) -> tuple[CrossSceneModelConfig, dict[str, Tensor]]:
    """Settings of a run's model, and the weights of its network by their names in it.

    Raises:
        UserError: no such run, one of a method for single scenes, or one without a checkpoint.
    """
    config = read_run(load_config)
    model = config.pipeline.model
    if not isinstance(model, CrossSceneModelConfig):
        raise UserError(
            f"{load_config} is a run of {config.method_name}; give one of lift3d or condense-pretrain"
        )
    checkpoint = newest_checkpoint(load_config)
    allow_numpy_scalars_in_checkpoints()
    loaded = torch.load(checkpoint, map_location="cpu", weights_only=True)["pipeline"]
    state = without_wrapper(loaded)
    return model, {
        key.removeprefix(PREFIX): value for key, value in state.items() if key.startswith(PREFIX)
    }


def load_weights(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Put weights in their places.

    Raises:
        UserError: they are of another network.
    """
    check_keys(state, network.state_dict())
    network.load_state_dict(state)


def pretrained_parts(load_config: Path) -> SavedBackbone:
    """What a run of condense-pretrain trained, on the CPU, set to evaluation.

    Raises:
        UserError: it is no such run.
    """
    model, state = run_weights(load_config)
    if not isinstance(model, CondensePretrainModelConfig):
        raise UserError(f"{load_config} is a run of another method; give one of condense-pretrain")
    network = JointNetwork(
        model.features,
        model.preset,
        model.latent_dim,
        model.decoder_hidden_dim,
        model.refiner_width,
        model.tail_shapes,
    ).eval()
    load_weights(network, state)
    data = read_run(load_config).pipeline.datamanager
    assert isinstance(data, VolumeDataManagerConfig)
    others = OtherParts(
        network.branch_2d, network.score_3d, "sparse" in model.objectives, data.encoder_image_size
    )
    return SavedBackbone(network.backbone, network.decoders, "", others)
