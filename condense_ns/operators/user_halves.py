"""Two halves of the user's own: ``torch:<module>:<callable>``.

The callable is called without arguments and returns an object, a `torch.nn.Module` or anything else,
with

* ``encode(images)``: RGB in [0, 1] of shape (batch, 3, height, width), of any size, to maps of shape
  (batch, channels, rows, columns) that cover the whole images;
* ``decode(maps, images)``: such maps, lifted to views of these images, to answers of shape
  (batch, answers, height, width); three answers may be a larger picture, (batch, 3, n * height,
  n * width) with the same whole n for all images, up to 8;

and, if it likes,

* ``picture(answers)``: to RGB in [0, 1]; without it, three answers are colours and one is grey;
* ``label_names``: names of classes, if the answers are their scores, one per pixel of the image;
* ``fingerprint``: a text of whatever else changes what `encode` answers and its code and weights do not
  tell, such as a prompt from the environment: maps are kept on disk for each;
* ``rendered_share``, in [0, 1]: how much of a lifted map is what `encode` answers for the rendered picture,
  sharper than what was mixed from the sources, and less steady; 0.35 without it, or more where a scene allows
  it and neither share is told (`pipelines.steady_share`). Above 0, that answer also tells which sources to believe;
* ``painted_share``, in [0, 1]: how much of a lifted answer is mixed from what `decode` answers for the
  sources, for a `decode` that invents strokes or texture, which then stay on their surfaces; 0 without it;
* ``channels`` and ``grid_size(height, width)``, to (rows, columns): without them a grey image is
  encoded to find out.

Text-driven editing: `encode` edits each photograph and answers the edited latent, `decode` is the
latent's decoder; a callable for each text, ``functools.partial(Editor, "gold")``, or one that reads it
from the environment. Super-resolution: `encode` answers the features before the enlargement, `decode`
enlarges; pictures and films of answers are written at its size. Both in small:
``tests/operators/own_operators.py``.
"""

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from condense_ns.encoders.fingerprint import fingerprint, state_digest
from condense_ns.encoders.preprocessing import grid_within
from condense_ns.encoders.user_callable import made_by_callable
from condense_ns.operators.base import Operator, OperatorError
from condense_ns.operators.checking import MOST_TIMES, is_enlarged
from condense_ns.operators.class_answers import label_picture

CODE_VERSION = 1
PROBE_SIDE = 224
"""Of the grey image that tells the number of channels, in pixels."""


class UserOperator(Operator):
    """An object with `encode` and `decode`."""

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Call the callable.

        Args:
            spec: ``torch:<module>:<callable>``.
            device: where images and maps are when the halves are called; modules are moved there.
            image_size: longest side in pixels of what `encode` sees; None for the photographs' own.

        Raises:
            OperatorError: the object lacks a half, encodes no grey image, or has a share outside [0, 1].
        """
        halves, source = made_by_callable(spec)
        lacking = [
            half for half in ("encode", "decode") if not callable(getattr(halves, half, None))
        ]
        if lacking:
            raise OperatorError(
                f"{spec}: returned a {type(halves).__name__} without {' and '.join(lacking)}; define both "
                "halves"
            )
        is_module = isinstance(halves, torch.nn.Module)
        if is_module:
            halves = halves.to(device).eval().requires_grad_(False)
        self.spec = spec
        self.device = device
        self.label_names = tuple(getattr(halves, "label_names", ()))
        self.rendered_share = _share(spec, halves, "rendered_share", Operator.rendered_share)
        self.shares_may_change = not (
            hasattr(halves, "rendered_share") or hasattr(halves, "painted_share")
        )
        self.believes_picture = self.rendered_share > 0
        self.painted_share = _share(spec, halves, "painted_share", Operator.painted_share)
        self._halves = halves
        self._image_size = image_size
        self._grids: dict[tuple[int, int], tuple[int, int]] = {}
        known = getattr(halves, "channels", None)
        self.channels = int(known) if known else self._layout(PROBE_SIDE, PROBE_SIDE)[0]
        self.fingerprint = fingerprint(
            {
                "operator": "torch",
                "version": CODE_VERSION,
                "callable": spec,
                "source": source,
                "weights": state_digest(halves.state_dict()) if is_module else None,
                "told": str(getattr(halves, "fingerprint", "")),
                "image_size": image_size,
            }
        )

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the map of an image of `height` x `width` pixels."""
        size = self._seen_size(height, width)
        if size not in self._grids:
            told = getattr(self._halves, "grid_size", None)
            rows, columns = told(*size) if told else self._layout(*size)[1:]
            self._grids[size] = (int(rows), int(columns))
        return self._grids[size]

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """What the first half answers."""
        size = self._seen_size(*images.shape[-2:])
        pixels = images.to(self.device, torch.float32)
        if size != images.shape[-2:]:
            pixels = F.interpolate(pixels, size=size, mode="bilinear", antialias=True)
        grid = self.grid_size(*images.shape[-2:])
        maps = self._answer("encode", (len(images), self.channels, *grid), pixels)
        return maps.permute(0, 2, 3, 1).contiguous()

    def decode(
        self,
        feature_map: Float[Tensor, "rows columns channels"],
        image: Float[Tensor, "3 height width"],
    ) -> Float[Tensor, "answer_height answer_width answers"]:
        """What the second half answers, for the image's pixels or, three colours, for a larger picture's."""
        maps = feature_map.to(self.device).permute(2, 0, 1)[None].contiguous()
        pixels = image[None].to(self.device, torch.float32)
        answers, (height, width) = len(self.label_names) or None, image.shape[-2:]
        view = None if answers else (height, width)
        answer = self._answer("decode", (1, answers, height, width), maps, pixels, view=view)
        return answer[0].permute(1, 2, 0)

    def labels(
        self, answer: Float[Tensor, "height width answers"]
    ) -> Int[Tensor, "height width"] | None:
        """The class of largest score, if there are classes."""
        return answer.argmax(dim=-1) if self.label_names else None

    def picture(
        self, answer: Float[Tensor, "height width answers"]
    ) -> Float[Tensor, "3 height width"]:
        """The object's own picture, or colours of classes, or three answers or one as colours.

        Raises:
            OperatorError: nothing tells what the answers look like.
        """
        height, width, answers = answer.shape
        colours = answer.permute(2, 0, 1)
        if hasattr(self._halves, "picture"):
            colours = self._answer("picture", (1, 3, height, width), colours[None])[0]
        elif self.label_names:
            return label_picture(answer.argmax(dim=-1), self.label_names)
        elif answers not in (1, 3):
            raise OperatorError(
                f"{self.spec}: nothing tells what its {answers} answers look like; define picture"
            )
        return colours.clamp(0.0, 1.0).expand(3, -1, -1)

    def _seen_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what `encode` sees of an image."""
        if self._image_size is None:
            return height, width
        return grid_within(height, width, self._image_size, self._image_size)

    def _layout(self, height: int, width: int) -> tuple[int, int, int]:
        """Channels, rows and columns of the map of a grey image."""
        grey = torch.full((1, 3, height, width), 0.5, device=self.device)
        _, channels, rows, columns = self._answer("encode", (1, None, None, None), grey).shape
        return channels, rows, columns

    @torch.no_grad()
    def _answer(
        self,
        name: str,
        shape: tuple[int | None, ...],
        *tensors: Float[Tensor, "_ _ _ _"],
        view: tuple[int, int] | None = None,
    ) -> Float[Tensor, "_ _ _ _"]:
        """What a function of the object answers, float32 on `device`.

        Args:
            name: of the function.
            shape: expected of the answer; None where anything is right.
            tensors: its arguments.
            view: height and width of a view whose larger picture is right, too; None for none.

        Raises:
            OperatorError: it fails, or answers something else.
        """
        given = " and ".join(str(tuple(tensor.shape)) for tensor in tensors)
        try:
            answer: Any = getattr(self._halves, name)(*tensors)
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise OperatorError(f"{self.spec}: {name} fails on {given} ({reason})") from error
        found = tuple(answer.shape) if isinstance(answer, Tensor) else ()
        if not _fits(found, shape, view):
            found = found or type(answer).__name__
            wanted = ", ".join("any" if side is None else str(side) for side in shape)
            larger = "" if view is None else _larger(*view)
            raise OperatorError(
                f"{self.spec}: {name} answers {found} for {given}; expected ({wanted}){larger}"
            )
        return answer.to(self.device, torch.float32)


def _share(spec: str, halves: object, name: str, default: float) -> float:
    """A share that the object brings, or the default.

    Raises:
        OperatorError: it is no number in [0, 1].
    """
    told = getattr(halves, name, default)
    try:
        share = float(told)
    except (TypeError, ValueError):
        share = math.nan
    if not 0.0 <= share <= 1.0:
        raise OperatorError(f"{spec}: {name} is {told!r}; it must be a number in [0, 1]")
    return share


def _fits(
    found: tuple[int, ...], shape: tuple[int | None, ...], view: tuple[int, int] | None
) -> bool:
    """Whether an answer has the expected shape, or is a larger picture of the view."""
    if len(found) != 4 or 0 in found:
        return False
    agrees = all(side in (None, is_) for side, is_ in zip(shape, found, strict=True))
    return agrees or (view is not None and is_enlarged(found[1], found[2:], *view))


def _larger(height: int, width: int) -> str:
    """How else a picture of a view may be answered, for messages."""
    return (
        f" or, as a picture, (1, 3, n * {height}, n * {width}) with a whole n of 2 to {MOST_TIMES}"
    )
