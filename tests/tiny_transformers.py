"""Random vision transformers on disk, in the formats of the published ones."""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    Dinov2Config,
    Dinov2Model,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel,
)

SIZES: dict[str, Any] = {
    "hidden_size": 12,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 70,
    "patch_size": 14,
    "layerscale_value": 0.5,
}


def write_dinov2(folder: Path, registers: bool = False, seed: int = 0, **sizes: Any) -> str:
    """The spec of a DINOv2 of three blocks, whose weights are large enough to matter."""
    torch.manual_seed(seed)
    settings = {**SIZES, **sizes}
    network: Any
    if registers:
        network = Dinov2WithRegistersModel(Dinov2WithRegistersConfig(**settings))
    else:
        network = Dinov2Model(Dinov2Config(**settings))
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    network.save_pretrained(folder)
    return f"dinov2-small:{folder}"
