"""Any PyTorch network of the user's own: ``torch:<module>:<callable>``.

The callable is called without arguments and returns the network: a `torch.nn.Module` or any function
that maps RGB images in [0, 1] of shape (batch, 3, height, width), with sides that are multiples of
its patch, or of up to 64 pixels, to (batch, channels, rows, columns). Patch, channels and what the
sides must be multiples of are found by asking it with grey images. If it has ``encode_text``, a function from a list of texts to (texts, channels), the encoder
answers text as well.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import EncoderError, ImageEncoder, TextImageEncoder
from condense_ns.encoders.fingerprint import fingerprint, state_digest
from condense_ns.encoders.patch_grid_encoder import PatchGridEncoder
from condense_ns.encoders.preprocessing import (
    PREPROCESSING_VERSION,
    feature_map_from_output,
)
from condense_ns.encoders.probing import probed_layout
from condense_ns.encoders.user_callable import made_by_callable

Network = Callable[..., Any]

CODE_VERSION = 1
DEFAULT_IMAGE_SIZE = 512
"""Longest side in pixels of what the network sees."""

_ENCODE_TEXT = "encode_text"


def torch_encoder(spec: str, device: str = "cpu", image_size: int | None = None) -> ImageEncoder:
    """The encoder for ``torch:<module>:<callable>``, with text if the network has `encode_text`.

    Args:
        spec: the module must be importable, so its folder must be on PYTHONPATH.
        device: where to compute.
        image_size: longest side in pixels of what the network sees, 512 if None.

    Raises:
        EncoderError: a callable that cannot be found, fails, or makes no network.
    """
    network, source = made_by_callable(spec)
    if not callable(network):
        raise EncoderError(
            f"{spec}: returned a {type(network).__name__}; expected a torch.nn.Module or a function"
        )
    if isinstance(network, torch.nn.Module):
        network = network.to(device).eval().requires_grad_(False)
    encoder = TorchTextEncoder if hasattr(network, _ENCODE_TEXT) else TorchEncoder
    return encoder(spec, network, device, image_size or DEFAULT_IMAGE_SIZE, source)


class TorchEncoder(PatchGridEncoder):
    """A network of the user's own."""

    def __init__(
        self, spec: str, network: Network, device: str, image_size: int, source: str
    ) -> None:
        """Find out the layout of the network.

        Args:
            spec: the text that names it.
            network: what the user's callable made, on `device`.
            device: where to compute.
            image_size: longest side in pixels of what the network sees.
            source: the code that makes the network, for the fingerprint.
        """
        self.spec = spec
        self.device = device
        self._network = network
        self.patch_size, self.channels, self._step = probed_layout(network, device, spec)
        self._choose_image_size(image_size)
        is_module = isinstance(network, torch.nn.Module)
        self.fingerprint = fingerprint(
            {
                "encoder": "torch",
                "versions": [CODE_VERSION, PREPROCESSING_VERSION],
                "callable": spec,
                "source": source,
                "weights": state_digest(network.state_dict()) if is_module else None,
                "image_size": image_size,
            }
        )

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """What the network answers, one feature per cell."""
        pixels, grid = self._on_grid(images)
        output = self._network(pixels)
        expected = (len(images), self.channels, *grid)
        if output.shape != expected:
            raise EncoderError(
                f"{self.spec}: answered {tuple(output.shape)} for images of shape "
                f"{tuple(pixels.shape)}; expected {expected}"
            )
        return feature_map_from_output(output, grid)


class TorchTextEncoder(TorchEncoder, TextImageEncoder):
    """A network of the user's own that embeds text as well."""

    @torch.no_grad()
    def encode_text(self, texts: list[str]) -> Float[Tensor, "texts channels"]:
        """What the network's `encode_text` answers, scaled to unit length."""
        embeddings = getattr(self._network, _ENCODE_TEXT)(texts)
        if embeddings.shape != (len(texts), self.channels):
            raise EncoderError(
                f"{self.spec}: encode_text answered {tuple(embeddings.shape)} for {len(texts)} "
                f"texts; expected {(len(texts), self.channels)}"
            )
        return F.normalize(embeddings.to(self.device, torch.float32), dim=-1)
