"""The 2D branch of condense-pretrain on a photograph, without any scene."""

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import ImageEncoder
from condense_ns.encoders.encoder_trunk import EncoderTrunk
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import SavedBackbone
from condense_ns.fields.branch_2d import Branch2D
from condense_ns.fields.feature_field import FeatureDecoder
from condense_ns.rendering.pca_colours import colour_range, fit_pca_colours, pca_colours


@torch.no_grad()
def encoded(
    encoder: ImageEncoder, rgb: Float[Tensor, "3 height width"], saved: SavedBackbone | None
) -> Float[Tensor, "rows columns channels"]:
    """The map of a photograph, in the encoder's own units.

    Args:
        encoder: that the 2D branch was trained with.
        rgb: in [0, 1].
        saved: what was trained, to refine the map with it; None for the encoder's own.

    Raises:
        UserError: nothing in 2D was trained, or not with this encoder, or with other weights of it.
    """
    if saved is None:
        return encoder.encode(rgb[None])[0]
    maps = read_by(saved, encoder).encode(rgb[None])
    return refined_map(encoder, maps, saved)[0]


def read_by(saved: SavedBackbone, encoder: ImageEncoder) -> ImageEncoder:
    """What answers the maps that the 2D branch reads: the encoder, or its trunk if its last blocks were trained.

    Raises:
        UserError: nothing in 2D was trained, or not with this encoder, or with other weights of it.
    """
    branch, _ = branch_of(saved, encoder, encoder.device)
    tail = branch.tail(encoder.spec)
    return encoder if tail is None else EncoderTrunk(encoder, tail.shape.blocks)


@torch.no_grad()
def refined_map(
    encoder: ImageEncoder, maps: Float[Tensor, "batch read_rows columns read"], saved: SavedBackbone
) -> Float[Tensor, "batch rows columns channels"]:
    """Maps after the 2D branch, in the encoder's own units.

    Args:
        encoder: that the branch was trained with.
        maps: that it reads, see `read_by`.
        saved: what was trained.

    Raises:
        UserError: nothing in 2D was trained, or not with this encoder, or with other weights of it.
    """
    branch, decoder = branch_of(saved, encoder, maps.device)
    tail = branch.tail(encoder.spec)
    if tail is not None:
        return tail(maps)
    refined = branch.refined(encoder.spec, decoder.standardised(maps))
    return refined * decoder.scale + decoder.mean


@torch.no_grad()
def read_out_map(
    encoder: ImageEncoder,
    refined: Float[Tensor, "*batch rows columns channels"],
    saved: SavedBackbone,
) -> Float[Tensor, "*batch rows columns channels"]:
    """What the 2D branch's linear layer reads out of refined maps.

    Features in the encoder's own space, where words are; less peculiar to a view than the encoder's, more than the
    refined ones.

    Args:
        encoder: that the branch was trained with.
        refined: from `refined_map`.
        saved: what was trained.

    Raises:
        UserError: nothing in 2D was trained, or not with this encoder, or with other weights of it.
    """
    branch, decoder = branch_of(saved, encoder, refined.device)
    told = branch.read_out(encoder.spec, decoder.standardised(refined))
    return told * decoder.scale + decoder.mean


def trained_size(saved: SavedBackbone | None) -> int | None:
    """Longest side in pixels that a 2D branch's encoder saw in training; None for the encoder's own."""
    return None if saved is None or saved.others is None else saved.others.encoder_image_size


def branch_of(
    saved: SavedBackbone, encoder: ImageEncoder, device: torch.device | str
) -> tuple[Branch2D, FeatureDecoder]:
    """The 2D branch, and the decoder that knows an encoder's statistics, on a device.

    Blocks of the encoder that the file has updates of only are taken over from the encoder.

    Raises:
        UserError: nothing in 2D was trained, or not with this encoder, or with other weights of it.
    """
    if saved.others is None:
        raise UserError(
            "the file holds a 3D backbone without a 2D branch; write it again with condense export backbone"
        )
    decoder = saved.decoders.of_encoder(encoder.spec, encoder.fingerprint)
    branch = saved.others.branch_2d.to(device)
    tail = branch.tail(encoder.spec)
    if tail is not None and tail.lacks_encoder:
        tail.take_over(EncoderTrunk(encoder, tail.shape.blocks).tail.weights)
    return branch, decoder.to(device)


def map_colours(
    features: Float[Tensor, "rows columns channels"], saved: SavedBackbone | None, spec: str
) -> Float[Tensor, "rows columns 3"]:
    """A map as colours in [0, 1]: hues of all scenes if they are known, else its own; as bright as it allows.

    Refined maps differ less from each other than the encoder's, by whose range they would all be grey.

    Args:
        features: in the encoder's units.
        saved: knows the hues.
        spec: of the encoder.
    """
    cells = features.flatten(0, 1)
    if saved is None:
        basis, limits = fit_pca_colours(cells)
        return pca_colours(features, cells.mean(dim=0), basis.to(cells), limits.to(cells))
    decoder = saved.decoders.of_encoder(spec)
    limits = colour_range((cells - decoder.mean) @ decoder.pca_basis)
    return pca_colours(features, decoder.mean, decoder.pca_basis, limits)
