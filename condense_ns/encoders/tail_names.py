"""Weights of the blocks of transformers and open_clip, by their names in `fields.encoder_tail.EncoderTail`."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

Weights = dict[str, Float[Tensor, "..."]]


def named(prefix: str, modules: Mapping[str, nn.Module]) -> Weights:
    """Weights and biases of layers under other names; a linear layer without a bias has one of zeros."""
    found: Weights = {}
    for name, module in modules.items():
        weight, bias = module.weight, getattr(module, "bias", None)
        assert isinstance(weight, Tensor)
        found[f"{prefix}{name}.weight"] = weight
        found[f"{prefix}{name}.bias"] = weight.new_zeros(len(weight)) if bias is None else bias
    return found


def dinov2_block(block: Any, prefix: str) -> Weights:
    """Of a block of DINOv2 in transformers, whose layers have other names in each of its major versions."""
    layers = [layer for layer in block.attention.modules() if isinstance(layer, nn.Linear)]
    found: Weights = {}
    for name, layer in zip(("query", "key", "value", "out"), layers, strict=True):
        found |= named(f"{prefix}attention.", {name: layer})
    found |= named(prefix, {"norm_1": block.norm1, "norm_2": block.norm2})
    found[f"{prefix}scale_1"] = block.layer_scale1.lambda1
    found[f"{prefix}scale_2"] = block.layer_scale2.lambda1
    return found | _dinov2_mlp(block.mlp, f"{prefix}mlp.")


def _dinov2_mlp(mlp: nn.Module, prefix: str) -> Weights:
    """Two layers; or gate, its companion and a last one, the first two in one layer in version 4."""
    layers = [layer for layer in mlp.modules() if isinstance(layer, nn.Linear)]
    if len(layers) == 3:
        gate, widen, narrow = layers
        return named(prefix, {"gate": gate, "widen": widen, "narrow": narrow})
    first, last = layers
    found = named(prefix, {"widen": first, "narrow": last})
    if first.out_features == last.in_features:
        return found
    for part in ("weight", "bias"):
        gate, widen = found[f"{prefix}widen.{part}"].chunk(2)
        found |= {f"{prefix}gate.{part}": gate, f"{prefix}widen.{part}": widen}
    return found


def openclip_block(block: Any, prefix: str) -> Weights:
    """Of a block of open_clip, which stacks the projections of query, key and value in this order."""
    found = named(prefix, {"norm_1": block.ln_1, "norm_2": block.ln_2})
    found |= named(f"{prefix}attention.", {"out": block.attn.out_proj})
    found |= named(f"{prefix}mlp.", {"widen": block.mlp.c_fc, "narrow": block.mlp.c_proj})
    stacked = zip(
        ("query", "key", "value"),
        block.attn.in_proj_weight.chunk(3),
        block.attn.in_proj_bias.chunk(3),
        strict=True,
    )
    for name, weight, bias in stacked:
        found |= {
            f"{prefix}attention.{name}.weight": weight,
            f"{prefix}attention.{name}.bias": bias,
        }
    for number, scale in enumerate((block.ls_1, block.ls_2), 1):
        if not isinstance(scale, nn.Identity):
            found[f"{prefix}scale_{number}"] = scale.gamma
    return found


def own_values(block: Any, prefix: str) -> Weights:
    """Of a block of open_clip of which MaskCLIP takes the values alone."""
    wanted = ("norm_1.", "attention.value.", "attention.out.", "scale_1")
    return {
        prefix + name.removeprefix("attention."): value
        for name, value in openclip_block(block, "").items()
        if name.startswith(wanted)
    }


def projection(matrix: Float[Tensor, "width channels"]) -> Weights:
    """Of open_clip's projection, which multiplies from the right."""
    return {"projection.weight": torch.t(matrix)}
