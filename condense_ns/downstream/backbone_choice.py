"""Which 3D backbone a task begins with, and which of its weights are kept and trained.

================  ==============================  ======================================
backbone          weights                         for
================  ==============================  ======================================
a file            of condense-pretrain            probes and fine-tuning
shipped           of the package, for mini        probes and fine-tuning
random            drawn, and never trained        probes: what the architecture alone gives
scratch           drawn, all of them trained      fine-tuning: what the task alone gives
================  ==============================  ======================================
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from condense_ns.encoders.fingerprint import state_digest
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import SHIPPED_NAME, backbone_path, load_backbone
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.volumes.sparse_volume import Kind

Mode = Literal["frozen", "adapters", "encoder", "all"]
"""What is taken over and what is trained:

* frozen: everything is taken over, nothing trained but the head (linear probe);
* adapters: everything taken over; the input adapter and the head are trained (ConDense's protocol);
* encoder: the way down to the coarsest voxels is taken over, the rest drawn anew; all is trained (MVNet);
* all: everything is taken over and trained.
"""
RANDOM, SCRATCH = "random", "scratch"
PROBES: tuple[Mode, ...] = ("frozen", "adapters")
_DECODER = ("doublings", "across", "up", "head")


@dataclass(frozen=True)
class ChosenBackbone:
    """A backbone and where it comes from."""

    backbone: OctreeBackbone
    fingerprint: str
    """Digest of the weights that it begins with."""


def chosen_backbone(spec: str, mode: Mode, preset: str, seed: int) -> ChosenBackbone:
    """The backbone that a run begins with, with gradients only where it is trained.

    Args:
        spec: a file, `shipped`, `random` or `scratch`.
        mode: what is taken over and trained.
        preset: size of drawn backbones; a file has its own.
        seed: of weights that are drawn.

    Raises:
        UserError: the file is none, or the mode makes no sense for the backbone.
    """
    if spec == SCRATCH and mode in PROBES:
        raise UserError(
            "a backbone from scratch must be trained; give --backbone random to condense probe, or "
            "use condense finetune"
        )
    if spec == RANDOM and mode not in PROBES:
        raise UserError(
            "condense finetune trains a drawn backbone as --backbone scratch; give that"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        drawn = OctreeBackbone(preset) if spec in (RANDOM, SCRATCH) else None
        backbone = drawn or load_backbone(_file(spec)).backbone
        if mode == "encoder" and drawn is None:
            _redraw_decoder(backbone)
    backbone.requires_grad_(mode not in PROBES)
    return ChosenBackbone(backbone, state_digest(backbone.state_dict()))


def trained_adapter(backbone: OctreeBackbone, kind: Kind) -> None:
    """Let the input adapter of one kind of volume learn."""
    backbone.adapters.of_kind[kind].requires_grad_(True)


def _file(spec: str) -> Path:
    path = backbone_path(Path(spec).expanduser())
    if not path.is_file():
        raise UserError(
            f"there is no backbone {spec}; give a file of condense-pretrain, {SHIPPED_NAME}, {RANDOM} "
            f"or {SCRATCH}"
        )
    return path


def _redraw_decoder(backbone: OctreeBackbone) -> None:
    """Draw the weights behind the coarsest voxels anew."""
    fresh = OctreeBackbone(backbone.preset, backbone.latent_dim)
    for name in _DECODER:
        getattr(backbone, name).load_state_dict(getattr(fresh, name).state_dict())
