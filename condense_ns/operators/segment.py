"""Segmentation by a network of fixed classes: ``segment:<file>[#<map>][?input=...][&labels=<file>]``.

The file is a TFLite or an ONNX network, told apart by its ending. What is lifted are its logits.

A network of one channel tells a foreground from the background: its values are cut at 0, as logits
are, or at 0.5 if they are probabilities: if the values in all maps that `prepare` sees, or else in the
map that is decoded, lie within [0, 1].

* ``#<map>``: name or number of the map of logits. A TFLite file may be cut at any tensor; without a
  name it is the last one before it is enlarged or read out. Of an ONNX file it is one of the outputs.
* ``input``: what colours the network expects, as `tflite_logits` and `condense_ns.encoders.onnx` tell.
* ``labels``: a text file with the name of a class per line, up to the first empty line. Without it,
  the only file beside the network whose name ends in ``labels.txt`` is taken if it fits. Of a network
  of one channel it names the background and the foreground, or the foreground alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders import build_encoder
from condense_ns.geometry.interpolation import on_grid
from condense_ns.operators.base import EncodingHalf, OperatorError, SourceMap
from condense_ns.operators.class_answers import BACKGROUND, ClassOperator
from condense_ns.operators.tflite_logits import TfLiteLogits

_OPTIONS = ("input", "labels")


@dataclass(frozen=True)
class SegmentSource:
    """What a spec says.

    Attributes:
        path: the network.
        cut: name or number of the map, None for the default.
        scaling: what colours it expects, None for the default.
        labels: file with the names of the classes, None to look beside the network.
    """

    path: Path
    cut: str | None
    scaling: str | None
    labels: Path | None


def parse_segment(spec: str) -> SegmentSource:
    """The parts of ``segment:<file>[#<map>][?input=...][&labels=<file>]``.

    Raises:
        OperatorError: another ending of the file, or an unknown option.
    """
    body, _, query = spec.removeprefix("segment:").partition("?")
    file, _, cut = body.partition("#")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    options = {name: value for name, _, value in pairs}
    unknown = [name for name, value in options.items() if name not in _OPTIONS or not value]
    if unknown or not file.endswith((".tflite", ".onnx")):
        raise OperatorError(
            f"{spec}: expected segment:<file.tflite or file.onnx>[#<map>][?input=<colours>]"
            "[&labels=<file>]"
        )
    labels = options.get("labels")
    return SegmentSource(
        path=Path(file).expanduser(),
        cut=cut or None,
        scaling=options.get("input"),
        labels=Path(labels).expanduser() if labels else None,
    )


class SegmentOperator(ClassOperator):
    """Logits are lifted; the answer is logits at pixels, those of one channel beside their cut."""

    _cut: float | None = None
    """Of one channel; None before `prepare`."""

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Open the network.

        Args:
            spec: see the module's docstring.
            device: where the logits go, and where to compute if the network's runtime can.
            image_size: longest side in pixels of what the network sees; only for networks that accept
                any size.

        Raises:
            OperatorError: a spec, file or list of labels that cannot be used.
        """
        source = parse_segment(spec)
        super().__init__(spec, _network(source, device, image_size))
        self.label_names = _label_names(source, self.channels)

    def prepare(self, sources: Sequence[SourceMap]) -> None:
        """Settle whether one channel holds logits or probabilities.

        Args:
            sources: a sample of the scene's source maps.
        """
        if self.channels == 1 and sources:
            self._cut = _cut_of([source.feature_map for source in sources])

    def decode(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "height width classes"]:
        """Logits at pixels; one channel is the second class, and what it must exceed the first."""
        logits = on_grid(feature_map.to(self.device), *image.shape[-2:])
        if self.channels > 1:
            return logits
        cut = _cut_of([feature_map]) if self._cut is None else self._cut
        return torch.cat([torch.full_like(logits, cut), logits], dim=-1)


def _cut_of(maps: Sequence[Float[Tensor, "_ _ 1"]]) -> float:
    """What the foreground's value exceeds: a half of a probability, 0 of a logit."""
    are_probabilities = all(bool(((values >= 0.0) & (values <= 1.0)).all()) for values in maps)
    return 0.5 if are_probabilities else 0.0


def _network(source: SegmentSource, device: str, image_size: int | None) -> EncodingHalf:
    """The network that answers logits."""
    if source.path.suffix == ".onnx":
        cut = f"#{source.cut}" if source.cut else ""
        scaling = f"?input={source.scaling}" if source.scaling else ""
        return build_encoder(f"onnx:{source.path}{cut}{scaling}", device, image_size)
    return TfLiteLogits(source.path, source.cut, source.scaling, device, image_size)


def _label_names(source: SegmentSource, channels: int) -> tuple[str, ...]:
    """Names of the classes, or numbers where no file tells names.

    Raises:
        OperatorError: a file that the user named cannot be read or does not fit.
    """
    beside = sorted(source.path.parent.glob("*labels.txt"))
    path = source.labels or (beside[0] if len(beside) == 1 else None)
    names = _names(path) if path else []
    if channels == 1 and len(names) == 1:
        names = [BACKGROUND, *names]
    classes = max(2, channels)
    if len(names) == classes:
        return tuple(names)
    if source.labels:
        raise OperatorError(
            f"{source.labels} names {len(names)} classes, {source.path} has {classes}; write one name per "
            "line, of every class"
        )
    if channels == 1:
        return BACKGROUND, "foreground"
    return tuple(f"class {number}" for number in range(classes))


def _names(path: Path) -> list[str]:
    """The lines up to the first empty one."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"{path} cannot be read ({error}); give a text file of labels"
        ) from error
    names = [line.strip() for line in lines]
    return names[: names.index("")] if "" in names else names
