"""Reading a TFLite file: its interpreter, its one image, and the map that it is cut at.

A side of the image that the file leaves free gets a length when the file is opened, and keeps it.

Unless the user names a tensor, the cut is the last map before everything that only enlarges or
reads it: walking back from the first output, operations of `_READ_OUT` are skipped.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from condense_ns.operators.base import OperatorError

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

FREE_SIDE = 512
"""Pixels of a side that the file leaves free, unless told: a multiple of the strides of all networks."""

_READ_OUT = (
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "ARG_MAX",
    "SOFTMAX",
    "LOGISTIC",
    "CAST",
    "DEQUANTIZE",
    "QUANTIZE",
    "RESHAPE",
    "SQUEEZE",
)


@dataclass(frozen=True)
class MapTensor:
    """A tensor of shape (1, rows, columns, channels) in the file.

    Attributes:
        index: its number.
        shape: rows, columns and channels.
        dtype: numpy's type of its numbers.
        scale: of a quantised tensor, what a step stands for; 0 if it is not quantised.
        zero: of a quantised tensor, the number that stands for 0.
    """

    index: int
    shape: tuple[int, int, int]
    dtype: type[np.generic]
    scale: float
    zero: int


def open_interpreter(path: Path, threads: int, image_size: int | None = None) -> "Interpreter":
    """The file in an interpreter that keeps all tensors.

    Args:
        path: the file.
        threads: that it computes with.
        image_size: pixels of the image's sides that the file leaves free; `FREE_SIDE` if None.

    Raises:
        OperatorError: no such file, no network in it, no package to run it with, or an image size that
            it does not take.
    """
    if not path.is_file():
        raise OperatorError(f"{path} is no file; give the path of a network: segment:<file>")
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise OperatorError(
            f"{path} needs the package ai-edge-litert, which is not installed; "
            "pip install 'condense_ns[tflite]'"
        ) from error
    try:
        interpreter = Interpreter(
            str(path),
            num_threads=threads,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        size = _free_size(interpreter, image_size or FREE_SIDE)
        if size is None:
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise OperatorError(
            f"{path} cannot be read as a TFLite network ({error}); copy or convert it again"
        ) from error
    if size is not None:
        _settle_size(interpreter, path, size)
    elif image_size is not None:
        raise OperatorError(f"{path}: the network has its own input size; leave image_size out")
    return interpreter


def _free_size(interpreter: "Interpreter", side: int) -> list[int] | None:
    """Shape of the one image with its free sides replaced; None if the file fixes rows and columns."""
    details = interpreter.get_input_details()
    signature = [int(length) for length in details[0]["shape_signature"]] if details else []
    if len(details) != 1 or len(signature) != 4 or -1 not in signature[1:3]:
        return None
    chosen = (1, side, side, 3)
    return [new if old == -1 else old for old, new in zip(signature, chosen, strict=True)]


def _settle_size(interpreter: "Interpreter", path: Path, size: list[int]) -> None:
    """Resize the image, and run once: only then are the shapes of all maps known.

    Raises:
        OperatorError: the network does not take images of that size.
    """
    detail = interpreter.get_input_details()[0]
    try:
        interpreter.resize_tensor_input(detail["index"], size, strict=True)
        interpreter.allocate_tensors()
        interpreter.set_tensor(detail["index"], np.zeros(size, detail["dtype"]))
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OperatorError(
            f"{path}: its input size is free, but it fails on {size[1]} x {size[2]} pixels ({reason}); "
            "convert it with a fixed input size, or choose another image_size"
        ) from error


def image_tensor(interpreter: "Interpreter", path: Path) -> MapTensor:
    """The one input, an image of three colours.

    Raises:
        OperatorError: other inputs.
    """
    details = interpreter.get_input_details()
    found = [_map_tensor(detail) for detail in details]
    image = found[0] if len(found) == 1 else None
    if image is None or image.shape[2] != 3:
        listing = ", ".join(f"{detail['name']} {detail['shape'].tolist()}" for detail in details)
        raise OperatorError(
            f"{path}: expected one input of shape (1, height, width, 3), found {listing}; convert the "
            "network without the others"
        )
    return image


def cut_tensor(interpreter: "Interpreter", path: Path, name: str | None) -> MapTensor:
    """The map to lift.

    Args:
        interpreter: of the file.
        path: the file.
        name: or number of a tensor; None for the last map before it is enlarged or read out.

    Raises:
        OperatorError: no such tensor, or one that is no map of numbers.
    """
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    if name is None:
        index = _last_map(interpreter, path)
    else:
        named = [index for index, detail in details.items() if detail["name"] == name]
        index = named[0] if named else int(name) if name.isdecimal() else -1
    found = _map_tensor(details[index]) if index in details else None
    if found is None:
        choices = ", ".join(f"{index}: {list(shape)}" for index, shape in _maps(interpreter, path))
        raise OperatorError(
            f"{path}: tensor {name or index} is no map of shape (1, rows, columns, channels) of "
            f"numbers; choose one with #<name> or #<index>, the last are {choices}"
        )
    return found


def _map_tensor(detail: dict[str, Any]) -> MapTensor | None:
    """A tensor, if it is a map of numbers."""
    shape = [int(side) for side in detail["shape"]]
    scale, zero = detail["quantization"]
    is_float = np.issubdtype(detail["dtype"], np.floating)
    if len(shape) != 4 or shape[0] != 1 or not (is_float or scale > 0):
        return None
    return MapTensor(
        index=int(detail["index"]),
        shape=(shape[1], shape[2], shape[3]),
        dtype=detail["dtype"],
        scale=0.0 if is_float else float(scale),
        zero=int(zero),
    )


def _operations(path: Path) -> list[tuple[str, list[int], list[int]]]:
    """Kind, inputs and outputs of each operation, in the order in which they run."""
    from ai_edge_litert import schema_py_generated as schema

    kinds = {
        number: name for name, number in vars(schema.BuiltinOperator).items() if name.isupper()
    }
    model: Any = schema.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    operations = []
    for number in range(graph.OperatorsLength()):
        operation = graph.Operators(number)
        code = model.OperatorCodes(operation.OpcodeIndex())
        # Old files hold the kind in another field, new ones in both.
        kind = kinds.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "CUSTOM")
        inputs, outputs = operation.InputsAsNumpy(), operation.OutputsAsNumpy()
        operations.append((kind, inputs.tolist(), outputs.tolist()))
    return operations


def _last_map(interpreter: "Interpreter", path: Path) -> int:
    """Number of the tensor that everything but reading out has been done for."""
    makers = {
        made: (kind, needed) for kind, needed, outputs in _operations(path) for made in outputs
    }
    index = int(interpreter.get_output_details()[0]["index"])
    while index in makers and makers[index][0] in _READ_OUT:
        index = makers[index][1][0]
    return index


def _maps(interpreter: "Interpreter", path: Path) -> list[tuple[int, tuple[int, int, int]]]:
    """Numbers and shapes of the last maps that operations make."""
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    made = [_map_tensor(details[index]) for _, _, outputs in _operations(path) for index in outputs]
    return [(tensor.index, tensor.shape) for tensor in made if tensor is not None][-4:]
