"""A training of condense-pretrain that begins with a backbone's file instead of random weights."""

from torch import nn

from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import SavedBackbone
from condense_ns.fields.encoder_tail import EncoderTail
from condense_ns.pretraining.joint_network import JointNetwork


def begin_with(network: JointNetwork, saved: SavedBackbone) -> list[str]:
    """Take over the 3D branch and, of encoders that both know, decoders and the 2D branch.

    Encoders that the file does not know have parts of their own, as drawn; so have parts of the 2D branch
    that are made otherwise. What only training needs begins anew.

    Args:
        network: whose decoders remember the statistics of its encoders; theirs are replaced by the file's, which
            are what its weights have learned with.
        saved: the backbone.

    Returns:
        The encoders that both know.

    Raises:
        UserError: the backbone has other sizes, or learned from other weights of an encoder.
    """
    _check_sizes(network, saved)
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
            _take_if_alike(ours_2d.part(spec), theirs_2d.part(spec))
        if next(iter(ours_2d.channels)) == next(iter(theirs_2d.channels)):
            ours_2d.score.load_state_dict(theirs_2d.score.state_dict())
    return common


def _check_sizes(network: JointNetwork, saved: SavedBackbone) -> None:
    """Raises: UserError: with the option and the file's value."""
    ours, theirs = network.backbone, saved.backbone
    sizes = {
        "preset": (ours.preset, theirs.preset),
        "latent-dim": (ours.latent_dim, theirs.latent_dim),
        "decoder-hidden-dim": (network.decoders.hidden_dim, saved.decoders.hidden_dim),
    }
    for option, (wanted, found) in sizes.items():
        if wanted != found:
            raise UserError(
                f"--pipeline.model.{option} is {wanted}, the backbone to start from has {found}: set it to that, or "
                "start from another one"
            )


def _take_if_alike(ours: nn.Module, theirs: nn.Module) -> None:
    """Weights, if names and shapes are the same; what a file leaves to the encoder stays the encoder's."""
    own, given = ours.state_dict(), theirs.state_dict()
    if own.keys() == given.keys() and all(own[name].shape == given[name].shape for name in own):
        left_out = theirs.of_the_encoder if isinstance(theirs, EncoderTail) else set[str]()
        ours.load_state_dict({**given, **{name: own[name] for name in left_out}})
