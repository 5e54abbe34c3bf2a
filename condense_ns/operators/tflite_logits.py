"""Any network in a TFLite file that maps an image to a map of logits.

The image is resized to the network's input along each side by itself, so that nothing is cropped or
padded. A network that leaves its height and width free sees squares of one size, 512 pixels unless
told. Quantised tensors are converted to what they stand for.

A network whose input has a pixel more than a multiple of its stride (513 pixels, 33 cells) has the
centres of its outermost cells on the outermost pixels, while maps here are made of cells that share
the image among them. There the logits are looked up, bilinearly, at the centres of such cells.
"""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from condense_ns.encoders.fingerprint import files_digest, fingerprint
from condense_ns.encoders.preprocessing import IMAGENET_MEAN, IMAGENET_STD, normalise
from condense_ns.geometry.interpolation import sample_maps
from condense_ns.operators.base import OperatorError
from condense_ns.operators.tflite_file import cut_tensor, image_tensor, open_interpreter

CODE_VERSION = 1
SCALINGS = ("255", "unit", "signed", "imagenet")
"""What colours a network expects: 0..255, 0..1, -1..1, or ImageNet's mean and deviation taken out."""


class TfLiteLogits:
    """A network in a TFLite file, run on the CPU."""

    concurrent = False  # an interpreter has one set of tensors

    def __init__(
        self,
        path: Path,
        cut: str | None,
        scaling: str | None,
        device: str,
        image_size: int | None = None,
    ) -> None:
        """Open the file.

        Args:
            path: the file.
            cut: name or number of the tensor to lift; None for the last map before it is read out.
            scaling: one of `SCALINGS`; None for a quantised input, whose range stands for 0..255.
            device: where the logits go.
            image_size: pixels of the image's sides that the file leaves free; None for 512.

        Raises:
            OperatorError: a file, a tensor, a scaling or an image size that cannot be used.
        """
        self._interpreter = open_interpreter(path, torch.get_num_threads(), image_size)
        self._image = image_tensor(self._interpreter, path)
        self._map = cut_tensor(self._interpreter, path, cut)
        if scaling not in (*SCALINGS, None) or (scaling is None and self._image.scale == 0.0):
            raise OperatorError(
                f"{path}: what colours it expects is not said by {scaling!r}; add "
                + " or ".join(f"?input={name}" for name in SCALINGS)
            )
        self._scaling = scaling
        self.channels = self._map.shape[2]
        self.device = device
        self.fingerprint = fingerprint(
            {
                "operator": "tflite",
                "version": CODE_VERSION,
                "weights": files_digest([path]),
                "tensor": self._map.index,
                "image": self._image.shape,
                "scaling": scaling,
            }
        )

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the network's map, the same for all images."""
        del height, width
        return self._map.shape[:2]

    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """Logits of images in [0, 1], one at a time."""
        size = self._image.shape[:2]
        pixels = F.interpolate(
            images.to("cpu", torch.float32), size=size, mode="bilinear", antialias=True
        ).clamp(0.0, 1.0)
        logits = torch.cat([self._run(image) for image in pixels.split(1)])
        return _on_shared_cells(logits, size).permute(0, 2, 3, 1).contiguous().to(self.device)

    def _run(
        self, image: Float[Tensor, "1 3 height width"]
    ) -> Float[Tensor, "1 channels rows columns"]:
        """One call of the interpreter."""
        colours = self._scaled(image).permute(0, 2, 3, 1).numpy()
        self._interpreter.set_tensor(self._image.index, colours.astype(self._image.dtype))
        self._interpreter.invoke()
        numbers = self._interpreter.get_tensor(self._map.index).astype(np.float32)
        if self._map.scale > 0.0:
            numbers = (numbers - self._map.zero) * np.float32(self._map.scale)
        return torch.from_numpy(numbers).permute(0, 3, 1, 2)

    def _scaled(
        self, image: Float[Tensor, "1 3 height width"]
    ) -> Float[Tensor, "1 3 height width"]:
        """Colours as the network expects them, whole numbers if it is quantised."""
        tensor = self._image
        if tensor.scale == 0.0:
            return self._real(image)
        limits = torch.iinfo(getattr(torch, np.dtype(tensor.dtype).name))
        if self._scaling is None:
            return (image * 255.0).round() + float(limits.min)
        steps = (self._real(image) / tensor.scale + tensor.zero).round()
        return steps.clamp(float(limits.min), float(limits.max))

    def _real(self, image: Float[Tensor, "1 3 height width"]) -> Float[Tensor, "1 3 height width"]:
        """Colours of the scaling."""
        if self._scaling == "imagenet":
            return normalise(image, IMAGENET_MEAN, IMAGENET_STD)
        factor, offset = {"255": (255.0, 0.0), "unit": (1.0, 0.0), "signed": (2.0, -1.0)}[
            self._scaling or "unit"
        ]
        return image * factor + offset


def _on_shared_cells(
    maps: Float[Tensor, "batch channels rows columns"], image_size: tuple[int, int]
) -> Float[Tensor, "batch channels rows columns"]:
    """The same map on cells that share the image among them, see the module's docstring."""
    rows, columns = maps.shape[-2:]
    y, x = (_centres(*sides) for sides in zip((rows, columns), image_size, strict=True))
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    found = sample_maps(maps, places.flatten(0, 1).expand(len(maps), -1, -1))
    return found.unflatten(1, (rows, columns)).permute(0, 3, 1, 2)


def _centres(cells: int, pixels: int) -> Float[Tensor, " cells"]:
    """Where the centres of cells that share a side lie in the network's map, from 0 to 1 across it."""
    shared = (torch.arange(cells) + 0.5) / cells
    has_outermost = pixels % cells != 0 and cells > 1 and (pixels - 1) % (cells - 1) == 0
    if not has_outermost:
        return shared
    stride = (pixels - 1) // (cells - 1)
    number = (shared * pixels - 0.5) / stride  # of the network's cells, counted at their centres
    return (number + 0.5) / cells
