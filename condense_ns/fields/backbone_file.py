"""A trained 3D backbone with its decoders on disk, and what was trained beside them.

Sizes are written beside the weights, so that the network can be built from the file alone. The digest
of the weights tells two backbones apart (what was made with one is not what the other would make) and
finds damage, which safetensors does not.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from condense_ns.encoders.fingerprint import state_digest
from condense_ns.errors import UserError
from condense_ns.fields.branch_2d import Branch2D
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.fields.score_head import ScoreHead
from condense_ns.tensors import TailShape
from condense_ns.weight_file import first_line, read_weights, write_weights

SHIPPED = Path(__file__).parent / "shipped_backbone.safetensors"
"""Preset S, for the features of mini; see shipped_backbone_training.json beside it."""
SHIPPED_NAME = Path("shipped")
"""What users write in place of its path."""
FORMAT = "condense_ns backbone 2"
BACKBONE, DECODERS, BRANCH_2D, SCORE_3D = "backbone.", "decoders.", "branch_2d.", "score_3d."
"""What names of weights begin with."""
_KIND = "a backbone of condense-pretrain"
_REMEDY = "give weights that this version of condense-pretrain wrote"


@dataclass(frozen=True)
class OtherParts:
    """What only some need."""

    branch_2d: Branch2D
    """Refined features of the same encoders, and their scores."""
    score_3d: ScoreHead
    """Keypoint scores of latents."""
    scores_learned: bool = False
    """Whether scores of both branches were trained for (the objective ``sparse``); else they mean nothing."""
    encoder_image_size: int | None = None
    """Longest side in pixels that the encoders were built for; None: their own default."""


@dataclass(frozen=True)
class SavedBackbone:
    """What a file holds, ready for use; to be trained further it must be set to training."""

    backbone: OctreeBackbone
    """Latents of volumes."""
    decoders: LatentDecoders
    """Features of encoders from latents."""
    fingerprint: str
    """Digest of the weights, hexadecimal."""
    others: OtherParts | None = None
    """What else was trained with them, if the file has it."""


def backbone_path(named: Path) -> Path:
    """The file that a name stands for: "shipped" for the one that comes with the package."""
    return SHIPPED if named == SHIPPED_NAME else named


def save_backbone(
    path: Path,
    backbone: OctreeBackbone,
    decoders: LatentDecoders,
    half: bool = False,
    others: OtherParts | None = None,
) -> str:
    """Write weights and sizes; the file is whole or what it was before.

    Blocks of encoders that were trained by low-rank updates are not written; the updates are.

    Args:
        path: the file.
        backbone: any.
        decoders: of this backbone's latents.
        half: weights in half precision, for half the size; statistics of encoders stay exact.
        others: of the decoders' encoders and the backbone's latents, if there are any.

    Returns:
        The fingerprint.

    Raises:
        UserError: the file cannot be written.
    """
    weights = _named(BACKBONE, backbone)
    if others is not None:
        weights |= _named(BRANCH_2D, others.branch_2d) | _named(SCORE_3D, others.score_3d)
        for name in _of_encoders(others.branch_2d):
            del weights[name]
    if half:
        weights = {name: value.half() for name, value in weights.items()}
    state = weights | _named(DECODERS, decoders)
    digest = state_digest(state)
    about = {
        "format": FORMAT,
        "preset": backbone.preset,
        "latent_dim": str(backbone.latent_dim),
        "encoders": json.dumps(decoders.channels),
        "decoder_hidden_dim": str(decoders.hidden_dim),
        "fingerprint": digest,
    }
    if others is not None:
        about["refiner_width"] = str(others.branch_2d.width)
        about["scores_learned"] = json.dumps(others.scores_learned)
        about["encoder_image_size"] = json.dumps(others.encoder_image_size)
        if sizes := others.branch_2d.tail_sizes:
            about["tails"] = json.dumps(sizes)
    write_weights(path, state, about)
    return digest


def load_backbone(path: Path, preset: str | None = None) -> SavedBackbone:
    """What was saved, in single precision, on the CPU, set to evaluation.

    Args:
        path: the file; "shipped" is the one that comes with the package.
        preset: the one that is expected, if any will not do.

    Raises:
        UserError: no such file, damaged, of another version or preset.
    """
    path = backbone_path(path)
    state, about = read_weights(path, _KIND, FORMAT, _REMEDY)
    if preset is not None and about.get("preset") != preset:
        raise UserError(
            f"{path} holds a backbone of preset {about.get('preset')}, not {preset}; set the preset to "
            "the file's, or give another file"
        )
    digest = state_digest(state)
    if digest != about.get("fingerprint"):
        raise UserError(f"{path} is damaged (its weights have another digest); {_REMEDY}")
    try:
        backbone, decoders, others = _built(state, about)
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read as {_KIND} ({first_line(error)}); {_REMEDY}"
        ) from error
    return SavedBackbone(backbone, decoders, digest, others)


def _named(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's weights under names of their own."""
    return {f"{prefix}{name}": value for name, value in module.state_dict().items()}


def _of_encoders(branch_2d: Branch2D) -> dict[str, Tensor]:
    """What a file leaves out of a 2D branch, since the encoders have it; in the branch it waits for them."""
    names = branch_2d.of_encoders
    return {f"{BRANCH_2D}{name}": branch_2d.get_parameter(name) for name in names}


def _built(
    state: dict[str, Tensor], about: dict[str, str]
) -> tuple[OctreeBackbone, LatentDecoders, OtherParts | None]:
    """The networks that a file announces, with its weights."""
    latent_dim = int(about["latent_dim"])
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced
        backbone = OctreeBackbone(about["preset"], latent_dim)
        channels = json.loads(about["encoders"])
        decoders = LatentDecoders(latent_dim, channels, int(about["decoder_hidden_dim"]))
        others = None
        if "refiner_width" in about:
            shapes = json.loads(about.get("tails", "{}"))
            tails = {spec: TailShape(**sizes) for spec, sizes in shapes.items()}
            branch_2d = Branch2D(channels, int(about["refiner_width"]), tails)
            for tail in branch_2d.tails.values():
                tail.lacks_encoder = bool(tail.of_the_encoder)
            state = state | _of_encoders(branch_2d)
            others = OtherParts(
                branch_2d,
                ScoreHead(latent_dim),
                json.loads(about.get("scores_learned", "false")) is True,
                _size(about.get("encoder_image_size", "null")),
            )
    parts: dict[str, nn.Module] = {BACKBONE: backbone, DECODERS: decoders}
    if others is not None:
        parts |= {BRANCH_2D: others.branch_2d, SCORE_3D: others.score_3d}
    for prefix, module in parts.items():
        own = {
            name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)
        }
        module.eval().load_state_dict(_silent_read_outs(module) | own)
    return backbone, decoders, others


def _silent_read_outs(module: nn.Module) -> dict[str, Tensor]:
    """What files lack that were written before 2D branches had them."""
    state = module.state_dict()
    return {name: value for name, value in state.items() if name.startswith("read_outs.")}


def _size(text: str) -> int | None:
    """A number of pixels, or null."""
    return None if text == "null" else int(text)
