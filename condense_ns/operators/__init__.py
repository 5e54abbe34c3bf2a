"""Operators: frozen 2D networks in two halves whose middle is lifted to 3D, named by a text.

`OPERATORS` lists them, `describe_operators` says it in lines. One file adds one: a subclass of
`condense_ns.operators.base.Operator` and its entry below.

Importing this package imports no model zoo; `build_operator` imports what one operator needs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from condense_ns.operators.base import Click, Operator, OperatorError, OperatorOptions, SourceMap

__all__ = [
    "OPERATORS",
    "Click",
    "Operator",
    "OperatorError",
    "OperatorKind",
    "OperatorOptions",
    "SourceMap",
    "build_operator",
    "describe_operators",
]

Builder = Callable[[str, str, int | None, OperatorOptions], Operator]


@dataclass(frozen=True)
class OperatorKind:
    """What stands before the first colon of a spec."""

    build: Builder
    """Makes the operator of a spec, device, image size and options."""
    form: str
    """How a spec is written."""
    description: str
    """What it does, in a line."""


def _features(spec: str, device: str, image_size: int | None, options: OperatorOptions) -> Operator:
    del options
    from condense_ns.encoders import build_encoder
    from condense_ns.operators.features import FeaturesOperator

    encoder = build_encoder(spec.removeprefix("features:"), device, image_size)
    return FeaturesOperator(spec, encoder)


def _classes(spec: str, device: str, image_size: int | None, options: OperatorOptions) -> Operator:
    del options
    from condense_ns.encoders import build_encoder
    from condense_ns.operators.classes import ClassesOperator, parse_classes

    encoder, classes = parse_classes(spec)
    return ClassesOperator(spec, build_encoder(encoder, device, image_size), classes)


def _stroke(spec: str, device: str, image_size: int | None, options: OperatorOptions) -> Operator:
    from condense_ns.encoders import build_encoder
    from condense_ns.operators.stroke import StrokeOperator

    encoder = build_encoder(spec.removeprefix("stroke:"), device, image_size)
    return StrokeOperator(spec, encoder, options.clicks)


def _segment(spec: str, device: str, image_size: int | None, options: OperatorOptions) -> Operator:
    del options
    from condense_ns.operators.segment import SegmentOperator

    return SegmentOperator(spec, device, image_size)


def _style(spec: str, device: str, image_size: int | None, options: OperatorOptions) -> Operator:
    del options
    from condense_ns.operators.style import StyleOperator

    return StyleOperator(spec, device, image_size)


def _colourise(
    spec: str, device: str, image_size: int | None, options: OperatorOptions
) -> Operator:
    del options
    from condense_ns.operators.colourise import ColouriseOperator

    return ColouriseOperator(spec, device, image_size)


def _torch(spec: str, device: str, image_size: int | None, options: OperatorOptions) -> Operator:
    del options
    from condense_ns.operators.user_halves import UserOperator

    return UserOperator(spec, device, image_size)


def _rgb(spec: str, device: str, image_size: int | None, options: OperatorOptions) -> Operator:
    del options
    from condense_ns.operators.rgb import RgbOperator

    return RgbOperator(spec, device, image_size)


OPERATORS: dict[str, OperatorKind] = {
    "rgb": OperatorKind(_rgb, "rgb", "the photographs' colours themselves"),
    "features": OperatorKind(
        _features, "features:<encoder>", "features of any encoder, shown as colours that hold still"
    ),
    "classes": OperatorKind(
        _classes,
        "classes:<encoder>?<class>,<class>,...",
        "segmentation by words, with an encoder that answers text",
    ),
    "stroke": OperatorKind(
        _stroke, "stroke:<encoder>", "segmentation of what was clicked in source photographs"
    ),
    "segment": OperatorKind(
        _segment,
        "segment:<file.tflite or file.onnx>[#<map>][?input=<colours>][&labels=<file>]",
        "segmentation by a network of fixed classes",
    ),
    "style": OperatorKind(
        _style, "style:<folder>", "feed-forward style transfer, of raw weights with manifest.json"
    ),
    "colourise": OperatorKind(
        _colourise,
        "colourise:<file.onnx or torch:module:callable>[?ab=<range>]",
        "colours for black-and-white photographs, by a network from L to ab",
    ),
    "torch": OperatorKind(
        _torch, "torch:<module>:<callable>", "any encode and decode of your own in PyTorch"
    ),
}
"""What stands before the first colon of a spec."""


def build_operator(
    spec: str,
    device: str = "cpu",
    image_size: int | None = None,
    options: OperatorOptions | None = None,
) -> Operator:
    """The operator that a text names.

    Args:
        spec: see `describe_operators`.
        device: where both halves compute, for example ``cpu`` or ``cuda:0``.
        image_size: longest side in pixels of what the network sees; None for the operator's own.
        options: what the spec cannot hold; None for nothing.

    Raises:
        UserError: an unknown spec, device or size, or whatever the operator itself refuses.
    """
    from condense_ns.encoders import check_device

    kind, _, source = spec.partition(":")
    if kind not in OPERATORS or bool(source) != (":" in OPERATORS[kind].form):
        forms = ", ".join(known.form for known in OPERATORS.values())
        raise OperatorError(f"unknown operator {spec!r}; known are {forms}")
    if image_size is not None and image_size < 1:
        raise OperatorError(f"image_size {image_size} must be a positive number of pixels")
    check_device(device)
    return OPERATORS[kind].build(spec, device, image_size, options or OperatorOptions())


def describe_operators() -> list[str]:
    """A line for each operator: how its spec is written and what it does."""
    return [f"{kind.form}: {kind.description}" for kind in OPERATORS.values()]
