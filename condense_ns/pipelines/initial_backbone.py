"""A training of condense-pretrain that begins with a backbone's file instead of random weights."""

from torch import nn

from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import SavedBackbone, backbone_path, load_backbone
from condense_ns.fields.encoder_tail import EncoderTail
from condense_ns.models.condense_pretrain import CondensePretrainModelConfig
from condense_ns.models.cross_scene_model import CrossSceneModelConfig
from condense_ns.pretraining.joint_network import JointNetwork


def initial_backbone(config: CrossSceneModelConfig) -> SavedBackbone | None:
    """What a training of condense-pretrain is to start from; None for random weights.

    Raises:
        UserError: there is no such file, or it has other sizes than the settings, with the option.
    """
    if not isinstance(config, CondensePretrainModelConfig) or config.initial_weights is None:
        return None
    if not backbone_path(config.initial_weights).is_file():
        raise UserError(
            f"there is no backbone {config.initial_weights}; give what condense export backbone wrote, or shipped"
        )
    saved = load_backbone(config.initial_weights)
    sizes = {
        "preset": (config.preset, saved.backbone.preset),
        "latent-dim": (config.latent_dim, saved.backbone.latent_dim),
        "decoder-hidden-dim": (config.decoder_hidden_dim, saved.decoders.hidden_dim),
    }
    for option, (wanted, found) in sizes.items():
        if wanted != found:
            raise UserError(
                f"--pipeline.model.{option} is {wanted}, {config.initial_weights} has {found}: set it to that, or "
                "start from another backbone"
            )
    return saved


def begin_with(network: JointNetwork, saved: SavedBackbone) -> list[str]:
    """Take over the 3D branch and, of encoders that both know, decoders and the 2D branch.

    Encoders that the file does not know have parts of their own, as drawn; so have parts of the 2D branch
    that are made otherwise. What only training needs begins anew.

    Args:
        network: whose decoders remember the statistics of its encoders; theirs are replaced by the file's, which
            are what its weights have learned with.
        saved: a backbone of the network's sizes.

    Returns:
        The encoders that both know.

    Raises:
        UserError: it learned from other weights of an encoder.
    """
    network.backbone.load_state_dict(saved.backbone.state_dict())
    common = [spec for spec in network.decoders.channels if spec in saved.decoders.channels]
    for spec in common:
        ours = network.decoders.of_encoder(spec)
        fingerprint = bytes(ours.fingerprint.tolist()).hex()
        theirs = saved.decoders.of_encoder(spec, fingerprint)
        ours.load_state_dict(theirs.state_dict())
    if saved.others is not None:
        network.score_3d.load_state_dict(saved.others.score_3d.state_dict())
        ours_2d, theirs_2d = network.branch_2d, saved.others.branch_2d
        for spec in common:
            if _take_if_alike(ours_2d.part(spec), theirs_2d.part(spec)):
                ours_2d.reader(spec).load_state_dict(theirs_2d.reader(spec).state_dict())
        if next(iter(ours_2d.channels)) == next(iter(theirs_2d.channels)):
            ours_2d.score.load_state_dict(theirs_2d.score.state_dict())
    return common


def _take_if_alike(ours: nn.Module, theirs: nn.Module) -> bool:
    """Weights, if names and shapes are the same; what a file leaves to the encoder stays the encoder's."""
    own, given = ours.state_dict(), theirs.state_dict()
    alike = own.keys() == given.keys() and all(own[name].shape == given[name].shape for name in own)
    if alike:
        left_out = theirs.of_the_encoder if isinstance(theirs, EncoderTail) else set[str]()
        ours.load_state_dict({**given, **{name: own[name] for name in left_out}})
    return alike
