"""Backbones of condense-pretrain on disk, with weights that nobody trained."""

from pathlib import Path

import torch

from condense_ns.encoders import build_encoder
from condense_ns.fields.backbone_file import OtherParts, save_backbone
from condense_ns.fields.branch_2d import Branch2D
from condense_ns.fields.feature_field import fingerprint_tensor
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.fields.score_head import ScoreHead

LATENT = 8


def write_backbone(
    path: Path,
    specs: tuple[str, ...],
    image_size: int | None = None,
    scores_learned: bool = False,
    refining: float = 0.0,
) -> Path:
    """A small backbone for some encoders.

    Args:
        path: the file.
        specs: of the encoders.
        image_size: that they are built for.
        scores_learned: what the file says.
        refining: how much the 2D branch changes; at 0 it answers the encoder's own features.
    """
    torch.manual_seed(0)
    encoders = [build_encoder(spec, "cpu", image_size) for spec in specs]
    channels = {encoder.spec: encoder.channels for encoder in encoders}
    decoders = LatentDecoders(LATENT, channels, hidden_dim=6)
    for encoder in encoders:
        decoder = decoders.of_encoder(encoder.spec)
        decoder.fingerprint.copy_(fingerprint_tensor(encoder.fingerprint))
        decoder.scale.fill_(0.5)
    branch = Branch2D(channels, width=4)
    for refiner in branch.refiners:
        torch.nn.init.normal_(refiner.net[-1].weight, std=refining)  # type: ignore[index]
    others = OtherParts(branch, ScoreHead(LATENT), scores_learned, image_size)
    save_backbone(path, OctreeBackbone("S", latent_dim=LATENT), decoders, others=others)
    return path
