"""DINOv2: patch tokens of the last layer after the final layer norm, for images of any shape."""

import re
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import AutoConfig, AutoModel

from condense_ns.encoders.base import EncoderError
from condense_ns.encoders.encoder_trunk import CuttableEncoder
from condense_ns.encoders.fingerprint import files_digest, fingerprint
from condense_ns.encoders.hub import hub_folder, lacking_parts
from condense_ns.encoders.patch_grid_encoder import PatchGridEncoder
from condense_ns.encoders.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    PREPROCESSING_VERSION,
    normalise,
)
from condense_ns.encoders.tail_names import Weights, dinov2_block, named
from condense_ns.tensors import TailShape

CODE_VERSION = 1
DEFAULT_IMAGE_SIZE = 518
"""Longest side in pixels; the size at which the published weights were trained last."""

_MODEL_TYPES = ("dinov2", "dinov2_with_registers")
_WEIGHT_PATTERNS = (
    "model.safetensors",
    "model-*.safetensors",
    "pytorch_model.bin",
    "pytorch_model-*.bin",
)
_HUB_CHOICES = (
    ("config.json", "model*.safetensors*"),
    ("config.json", "pytorch_model*.bin*"),
)
_NUMERIC_FIELDS = (
    "model_type",
    "patch_size",
    "image_size",
    "num_attention_heads",
    "layer_norm_eps",
    "hidden_act",
    "use_swiglu_ffn",
    "num_register_tokens",
)
"""What the configuration says that the weights do not and that changes features."""


class DinoV2Encoder(PatchGridEncoder, CuttableEncoder):
    """DINOv2, with or without registers, from a folder or from the Hugging Face hub.

    Images are resized so that the longest side is `image_size` pixels, rounded down to the patch.
    """

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Load the network.

        Args:
            spec: ``dinov2-<size>`` or ``dinov2-<size>:<hub id or local folder>``.
            device: where to compute.
            image_size: longest side in pixels of what the network sees, 518 if None.

        Raises:
            EncoderError: weights that are missing, unreadable or of another kind of network.
        """
        folder = _model_folder(spec)
        weights = _weight_files(folder, spec)
        self._model = _load(folder, spec).to(device)
        config: Any = self._model.config
        self.spec = spec
        self.device = device
        self.channels = int(config.hidden_size)
        self.patch_size = int(config.patch_size)
        self.num_blocks = int(config.num_hidden_layers)
        self._prefix_tokens = 1 + int(getattr(config, "num_register_tokens", 0))
        self._choose_image_size(image_size or DEFAULT_IMAGE_SIZE)
        self.fingerprint = fingerprint(
            {
                "encoder": "dinov2",
                "versions": [CODE_VERSION, PREPROCESSING_VERSION],
                "weights": files_digest(weights),
                "config": {name: getattr(config, name, None) for name in _NUMERIC_FIELDS},
                "image_size": self._image_size,
            }
        )

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Patch tokens after the final layer norm."""
        rows, columns = self.grid_size(*images.shape[-2:])
        pixels = self._pixels(images)
        tokens = self._model(pixel_values=pixels).last_hidden_state[:, self._prefix_tokens :]
        return tokens.reshape(len(images), rows, columns, self.channels).contiguous()

    @torch.no_grad()
    def trunk_tokens(
        self, images: Float[Tensor, "batch 3 height width"], blocks: int
    ) -> Float[Tensor, "batch tokens token_width"]:
        """What enters the last so many blocks."""
        model: Any = self._model
        tokens = model.embeddings(self._pixels(images))
        for block in model.encoder.layer[: self.num_blocks - blocks]:
            found = block(tokens)
            tokens = found[0] if isinstance(found, tuple) else found  # version 4 of transformers
        return tokens

    def tail_shape(self, blocks: int) -> TailShape:
        """Sizes of the last so many blocks and the final layer norm.

        Raises:
            EncoderError: perceptrons that are not GELU's or SwiGLU's.
        """
        config: Any = self._model.config
        activation = "swiglu" if config.use_swiglu_ffn else config.hidden_act
        if activation not in ("gelu", "swiglu"):
            raise EncoderError(
                f"{self.spec}: its blocks have the activation {activation}, expected gelu or swiglu; use "
                "published weights, or set --pipeline.model.tuned-blocks 0"
            )
        first = self.tail_weights(1)
        return TailShape(
            blocks=blocks,
            width=self.channels,
            heads=int(config.num_attention_heads),
            hidden=len(first["blocks.0.mlp.widen.weight"]),
            channels=self.channels,
            prefix=self._prefix_tokens,
            epsilon=float(config.layer_norm_eps),
            activation=activation,
            scaled=True,
            own_values=False,
        )

    def tail_weights(self, blocks: int) -> Weights:
        """Weights of the last so many blocks and the final layer norm."""
        model: Any = self._model
        weights = named("", {"norm": model.layernorm})
        for number, block in enumerate(model.encoder.layer[self.num_blocks - blocks :]):
            weights |= dinov2_block(block, f"blocks.{number}.")
        return weights

    def _pixels(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 resized_height resized_width"]:
        """Images as the network reads them."""
        resized, _ = self._on_grid(images)
        return normalise(resized, IMAGENET_MEAN, IMAGENET_STD)


def _model_folder(spec: str) -> Path:
    """The folder with the weights that a spec names."""
    kind, _, source = spec.partition(":")
    source = source or f"facebook/{kind}"
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", source):
        raise EncoderError(
            f"{spec}: {folder} is no folder; name a folder with config.json and model.safetensors, "
            f"or a hub id such as facebook/{kind}"
        )
    return hub_folder(source, _HUB_CHOICES, spec, f"{kind}:<folder>")


def _weight_files(folder: Path, spec: str) -> list[Path]:
    """The files that transformers will read, in its order of preference.

    Raises:
        EncoderError: there are none, or not all of those that they are split over.
    """
    for pattern in _WEIGHT_PATTERNS:
        if files := sorted(folder.glob(pattern)):
            _check_parts(folder, pattern, spec)
            return files
    raise EncoderError(
        f"{spec}: {folder} holds no weights (looked for {', '.join(_WEIGHT_PATTERNS)}); "
        "copy a whole model folder, or leave the folder out to use the hub's"
    )


def _check_parts(folder: Path, pattern: str, spec: str) -> None:
    """Refuse weights that are split over several files of which some are missing."""
    kind = pattern.partition("-")[0].partition(".")[0]
    if lacking := lacking_parts(folder, (f"{kind}*",)):
        raise EncoderError(
            f"{spec}: the weights in {folder} are split over several files, of which {', '.join(lacking)} "
            "is missing; copy the whole model folder"
        )


def _load(folder: Path, spec: str) -> torch.nn.Module:
    """The network in float32, frozen, with every weight taken from the file."""
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type not in _MODEL_TYPES:
            raise EncoderError(
                f"{spec}: {folder} holds a network of type {config.model_type}; "
                f"expected one of {', '.join(_MODEL_TYPES)}"
            )
        model, report = AutoModel.from_pretrained(
            folder, config=config, local_files_only=True, output_loading_info=True
        )
    except EncoderError:
        raise
    except Exception as error:
        raise EncoderError(
            f"{spec}: cannot read the network in {folder} ({error}); download it again"
        ) from error
    if missing := sorted(report["missing_keys"]):
        raise EncoderError(
            f"{spec}: the weights in {folder} lack {len(missing)} tensors, {missing[0]} among them; "
            "download them again"
        )
    return model.float().eval().requires_grad_(False)
