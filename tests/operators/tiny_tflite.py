"""A TFLite network of a few operations: colours of patches, enlarged, and the number of the largest."""

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

POOLED, ENLARGED = "pooled", "enlarged"
KINDS = schema.BuiltinOperator
STEP = 1.0 / 128.0
"""What a step of a quantised network stands for; 128 stands for 0."""


def write_tflite(
    path: Path,
    size: tuple[int, int],
    stride: int,
    window: int,
    quantised: bool = False,
    colours: int = 3,
    free: tuple[int, ...] = (),
) -> None:
    """Write the network.

    Args:
        path: of the file.
        size: height and width of its input.
        stride: of the cells, in pixels.
        window: side of the square whose mean colour a cell answers.
        quantised: whether images and maps are whole numbers.
        colours: channels of the image and of the map.
        free: axes of the input that the file leaves free, as `size` for 1 and 2; their length is 1.
    """
    sides = [1 if axis in free else side for axis, side in enumerate(size, start=1)]
    cells = tuple(-(-side // stride) for side in size)
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = [
        _tensor("image", (1, *sides, colours), quantised),
        _tensor(POOLED, (1, *cells, colours), quantised),
        _constant(model, "size", np.array(size, np.int32)),
        _tensor(ENLARGED, (1, *size, colours), quantised),
        _constant(model, "axis", np.array(3, np.int32)),
        _tensor("labels", (1, *size), False, schema.TensorType.INT64),
    ]
    pool, resize, largest = (
        schema.Pool2DOptionsT(),
        schema.ResizeBilinearOptionsT(),
        schema.ArgMaxOptionsT(),
    )
    pool.strideW = pool.strideH = stride
    pool.filterWidth = pool.filterHeight = window
    pool.padding = schema.Padding.SAME
    largest.outputType = schema.TensorType.INT64
    options = schema.BuiltinOptions
    graph.operators = [
        _operation(model, KINDS.AVERAGE_POOL_2D, ([0], [1]), options.Pool2DOptions, pool),
        _operation(
            model, KINDS.RESIZE_BILINEAR, ([1, 2], [3]), options.ResizeBilinearOptions, resize
        ),
        _operation(model, KINDS.ARG_MAX, ([3, 4], [5]), options.ArgMaxOptions, largest),
    ]
    if free:
        shape = (1, *sides, colours)
        signature = [-1 if axis in free else length for axis, length in enumerate(shape)]
        graph.tensors[0].shapeSignature = signature
    graph.inputs, graph.outputs = [0], [5]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))


def _tensor(
    name: str, shape: tuple[int, ...], quantised: bool, kind: int = schema.TensorType.FLOAT32
) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), kind, 0
    if quantised:
        tensor.type = schema.TensorType.UINT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [STEP], [128]
    return tensor


def _constant(model: Any, name: str, values: np.ndarray) -> Any:
    tensor = _tensor(name, values.shape, False, schema.TensorType.INT32)
    buffer: Any = schema.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor.buffer = len(model.buffers) - 1
    return tensor


def _operation(
    model: Any, kind: int, ends: tuple[list[int], list[int]], options_type: int, options: Any
) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = kind
    model.operatorCodes = [*(model.operatorCodes or []), code]
    operation = schema.OperatorT()
    operation.opcodeIndex = len(model.operatorCodes) - 1
    operation.inputs, operation.outputs = ends
    operation.builtinOptionsType, operation.builtinOptions = options_type, options
    return operation
