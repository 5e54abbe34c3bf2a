"""Reading the spec and the signature of an ONNX file; see `condense_ns.encoders.onnx`."""

import functools
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime import InferenceSession

from condense_ns.encoders.base import EncoderError

SCALINGS = ("255", "unit", "imagenet")
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_RANGES = {"NominalRange_0_255": "255", "Normalized_0_1": "unit"}


@dataclass(frozen=True)
class Source:
    """What a spec says.

    Attributes:
        path: the file.
        output: name or index of the output, None for the default.
        scaling: one of `SCALINGS`, None for the file's own.
    """

    path: Path
    output: str | None
    scaling: str | None


@dataclass(frozen=True)
class ImageInput:
    """The input of the network.

    Attributes:
        name: its name in the file.
        size: height and width in pixels, None if any is accepted.
        single: whether it takes one image at a time.
        dtype: numpy's type of its numbers.
    """

    name: str
    size: tuple[int, int] | None
    single: bool
    dtype: type


def parse_spec(spec: str) -> Source:
    """The file, output and scaling in ``onnx:<file>[#<output>][?input=<scaling>]``."""
    body, has_query, query = spec.removeprefix("onnx:").partition("?")
    path, _, output = body.partition("#")
    scaling = query.removeprefix("input=")
    if has_query and (not query.startswith("input=") or scaling not in SCALINGS):
        raise EncoderError(
            f"{spec}: unknown option ?{query}; known are "
            + ", ".join(f"?input={name}" for name in SCALINGS)
        )
    return Source(Path(path).expanduser(), output or None, scaling or None)


def open_session(path: Path, device: str) -> InferenceSession:
    """The file in onnxruntime, on the GPU if both `device` and onnxruntime say so."""
    if not path.is_file():
        raise EncoderError(f"{path} is no file; give the path of an ONNX file: onnx:<file>")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: optimiser warnings are no concern of the user
    # Threads that spin between two calls take the cores from PyTorch, which prepares the next image.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    providers: list[Any] = ["CPUExecutionProvider"]
    has_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device.startswith("cuda") and has_cuda:
        index = device.partition(":")[2] or "0"
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": index}))
    try:
        return InferenceSession(str(path), options, providers=providers)
    except Exception as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise EncoderError(
            f"{path} cannot be read as an ONNX network ({first_line}); export or copy it again, "
            "with its weight files beside it"
        ) from error


def run_options() -> Any:
    """For calls that fail without a word on stderr: the exception says the same."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    return options


def image_input(session: InferenceSession, path: Path) -> ImageInput:
    """The one input, which must be images of three channels.

    Raises:
        EncoderError: other inputs, another layout, or one side fixed and the other not.
    """
    inputs = session.get_inputs()
    listing = ", ".join(f"{node.name} {node.type} {node.shape}" for node in inputs)
    shape = inputs[0].shape if len(inputs) == 1 else []
    if len(shape) != 4 or inputs[0].type not in _DTYPES or _fixed(shape[1]) not in (None, 3):
        raise EncoderError(
            f"{path}: expected one float input of shape (batch, 3, height, width), "
            f"found {listing}; export the network without the others"
        )
    batch, _, height, width = (_fixed(side) for side in shape)
    if (height is None) != (width is None) or batch not in (None, 1):
        raise EncoderError(
            f"{path}: the input {listing} must have a batch of 1 or of any size, and a height and "
            "width that are both fixed or both free; export it again"
        )
    size = (height, width) if height is not None and width is not None else None
    return ImageInput(inputs[0].name, size, batch == 1, _DTYPES[inputs[0].type])


def output_name(session: InferenceSession, source: Source) -> str:
    """The output that the spec names or numbers, or else the first of rank 4.

    Raises:
        EncoderError: no such output, or not one of rank 4.
    """
    nodes = session.get_outputs()
    listing = ", ".join(f"{index}: {node.name} {node.shape}" for index, node in enumerate(nodes))
    usable = [node for node in nodes if len(node.shape) == 4]
    if source.output is None:
        chosen = usable[0] if usable else None
    else:
        named = [node for node in nodes if node.name == source.output]
        index = int(source.output) if source.output.isdecimal() else len(nodes)
        chosen = (named or nodes[index : index + 1] or [None])[0]
    if chosen is None or chosen not in usable:
        asked = "no output" if source.output is None else f"output {source.output} is not one"
        raise EncoderError(
            f"{source.path}: {asked} of shape (batch, channels, rows, columns); "
            f"the outputs are {listing}; choose one with #<name> or #<index>"
        )
    return chosen.name


def pixel_scaling(session: InferenceSession, path: Path) -> str:
    """The scaling that the metadata of the file asks for; 255 without metadata, which is told."""
    metadata = session.get_modelmeta().custom_metadata_map
    declared = metadata.get("Image.NominalPixelRange")
    if declared is None:
        _tell_assumed_scaling(path)
        return "255"
    if declared not in _RANGES:
        raise EncoderError(
            f"{path}: its metadata asks for the unknown pixel range {declared}; say what it "
            "means with " + " or ".join(f"?input={name}" for name in SCALINGS)
        )
    return _RANGES[declared]


@functools.cache
def _tell_assumed_scaling(path: Path) -> None:
    """A line on stderr, once for each file."""
    sys.stderr.write(
        f"{path}: nothing says what colours it expects, RGB in 0..255 is assumed; write ?input=unit "
        "for 0..1, ?input=imagenet for ImageNet's mean and deviation taken out, ?input=255 for this\n"
    )


def weight_files(path: Path) -> list[Path]:
    """The file and the files beside it in which it keeps its larger tensors."""
    content = path.read_bytes()
    # In protobuf: field 1 "location", then field 2, its length and the file name.
    entries = re.finditer(rb"\x0a\x08location\x12([\x01-\x7f])", content, re.DOTALL)
    names = {content[entry.end() : entry.end() + entry[1][0]].decode() for entry in entries}
    return [path, *(path.parent / name for name in sorted(names))]


def _fixed(side: int | str | None) -> int | None:
    """The length of an axis, None if the file leaves it open."""
    return side if isinstance(side, int) and side > 0 else None
