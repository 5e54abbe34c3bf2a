"""Frozen 2D encoders, named by a text.

==============================================  ===============================================
``dinov2-small`` (base, large, giant)           weights from the Hugging Face hub or its cache
``dinov2-small:<hub id or local folder>``       weights from there
``openclip:<architecture>/<tag or file>``       CLIP of open_clip, answers text as well
``openclip:<architecture>/<tag>@<file>``        its weights from a file, what else it needs as the tag says
``openclip:<folder>``                           the same, in the layout of open_clip on the hub
``mini``                                        ours, tiny, trained on made-up scenes; answers text
``gradients``                                   histograms of oriented gradients, no network
``onnx:<file>[#<output>][?input=<scaling>]``    any ONNX network; scaling is 255, unit or imagenet
``torch:<module>:<callable>``                   any PyTorch network of your own
==============================================  ===============================================

Importing this package imports no model zoo; `build_encoder` imports the one it needs.
"""

from collections.abc import Callable

import torch

from condense_ns.encoders.base import EncoderError, ImageEncoder, TextImageEncoder

__all__ = [
    "ENCODERS",
    "EncoderError",
    "ImageEncoder",
    "TextImageEncoder",
    "build_encoder",
    "check_device",
]

Builder = Callable[[str, str, int | None], ImageEncoder]


def _dinov2(spec: str, device: str, image_size: int | None) -> ImageEncoder:
    from condense_ns.encoders.dinov2 import DinoV2Encoder

    return DinoV2Encoder(spec, device, image_size)


def _openclip(spec: str, device: str, image_size: int | None) -> ImageEncoder:
    from condense_ns.encoders.openclip import OpenClipEncoder

    return OpenClipEncoder(spec, device, image_size)


def _mini(spec: str, device: str, image_size: int | None) -> ImageEncoder:
    from condense_ns.encoders.mini import MiniEncoder

    return MiniEncoder(spec, device, image_size)


def _gradients(spec: str, device: str, image_size: int | None) -> ImageEncoder:
    from condense_ns.encoders.gradients import GradientsEncoder

    return GradientsEncoder(spec, device, image_size)


def _onnx(spec: str, device: str, image_size: int | None) -> ImageEncoder:
    from condense_ns.encoders.onnx import OnnxEncoder

    return OnnxEncoder(spec, device, image_size)


def _torch(spec: str, device: str, image_size: int | None) -> ImageEncoder:
    from condense_ns.encoders.torch_module import torch_encoder

    return torch_encoder(spec, device, image_size)


ENCODERS: dict[str, Builder] = {
    "dinov2-small": _dinov2,
    "dinov2-base": _dinov2,
    "dinov2-large": _dinov2,
    "dinov2-giant": _dinov2,
    "openclip": _openclip,
    "mini": _mini,
    "gradients": _gradients,
    "onnx": _onnx,
    "torch": _torch,
}
"""What stands before the first colon of a spec, and who builds it."""

LARGEST_IMAGE = 1 << 14
"""Pixels along the longest side; a picture of so many squared takes 3 GB."""
_NEEDS_SOURCE = ("openclip", "onnx", "torch")
_WITHOUT_SOURCE = ("mini", "gradients")


def build_encoder(spec: str, device: str = "cpu", image_size: int | None = None) -> ImageEncoder:
    """The encoder that a text names.

    Args:
        spec: see the table above.
        device: where features are computed and lie, for example ``cpu`` or ``cuda:0``.
        image_size: longest side in pixels of what the network sees; None for the encoder's own.

    Raises:
        EncoderError: an unknown spec, device or size, or whatever the encoder itself refuses.
    """
    kind, colon, source = spec.partition(":")
    lacks_source = kind in _NEEDS_SOURCE and not source
    if kind not in ENCODERS or lacks_source or (kind in _WITHOUT_SOURCE and colon):
        known = ", ".join(f"{name}:..." if name in _NEEDS_SOURCE else name for name in ENCODERS)
        raise EncoderError(f"unknown encoder {spec!r}; known are {known}")
    if image_size is not None and image_size < 1:
        raise EncoderError(f"image_size {image_size} must be a positive number of pixels")
    if image_size is not None and image_size > LARGEST_IMAGE:
        raise EncoderError(f"image_size {image_size} must be {LARGEST_IMAGE} pixels or less")
    check_device(device)
    return ENCODERS[kind](spec, device, image_size)


def check_device(device: str) -> None:
    """Refuse a device that is not there.

    Raises:
        EncoderError: an unknown name, CUDA without a GPU or with fewer, or a device that computes nothing.
    """
    try:
        asked = torch.device(device)
    except RuntimeError as error:
        raise EncoderError(f"unknown device {device!r}; use cpu, cuda or cuda:<index>") from error
    there = {"cpu": 1, "cuda": torch.cuda.device_count() if torch.cuda.is_available() else 0}
    there["mps"] = int(torch.backends.mps.is_available())
    if (asked.index or 0) >= there.get(asked.type, 0):
        raise EncoderError(f"device {device!r} is not available on this machine; use cpu")
