"""Any network in an ONNX file that maps an image to a grid of features.

Spec: ``onnx:<file>[#<output>][?input=255|unit|imagenet]``. The output is a name, or else an index;
without it, the first output of shape (batch, channels, rows, columns) is taken. ``input`` says what
colours the network expects: RGB in 0..255, RGB in 0..1, or RGB with ImageNet's mean and deviation
taken out. Without it the file's metadata ``Image.NominalPixelRange`` decides, and without that it
is 255, which is told on stderr.

A network of any input size sees images whose sides are multiples of its patch, or of up to 64 pixels
where it takes no others, as U-Nets do.

A network with a fixed input size gets the image scaled to fill that size along one side; the rest
is padded on the right or at the bottom, and the cells of the padding are cut off again.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from condense_ns.encoders.base import EncoderError, ImageEncoder
from condense_ns.encoders.fingerprint import files_digest, fingerprint
from condense_ns.encoders.onnx_file import (
    image_input,
    open_session,
    output_name,
    parse_spec,
    pixel_scaling,
    run_options,
    weight_files,
)
from condense_ns.encoders.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    PREPROCESSING_VERSION,
    feature_map_from_output,
    grid_within,
    normalise,
    pad_bottom_right,
    patch_grid,
    resize_to_grid,
)
from condense_ns.encoders.probing import answer_shape, probed_layout

CODE_VERSION = 1
DEFAULT_IMAGE_SIZE = 512
"""Longest side in pixels for networks that accept any size."""


class OnnxEncoder(ImageEncoder):
    """A network in an ONNX file, run by onnxruntime.

    It runs on the GPU if `device` names one and onnxruntime was built for it, else on the CPU.
    """

    concurrent = True

    def __init__(self, spec: str, device: str = "cpu", image_size: int | None = None) -> None:
        """Open the file and find out its layout.

        Args:
            spec: ``onnx:<file>[#<output>][?input=255|unit|imagenet]``.
            device: where the features go, and where to compute if onnxruntime can.
            image_size: longest side in pixels of what the network sees, 512 if None; only for
                networks that accept any size.

        Raises:
            EncoderError: a file, an output or an option that cannot be used.
        """
        source = parse_spec(spec)
        self._session = open_session(source.path, device)
        self._run_options = run_options()
        self._input = image_input(self._session, source.path)
        self._output = output_name(self._session, source)
        self._scaling = source.scaling or pixel_scaling(self._session, source.path)
        self._image_size = image_size or DEFAULT_IMAGE_SIZE
        self.spec = spec
        self.device = device
        if self._input.size is None:
            self.patch_size, self.channels, self._step = probed_layout(self._run, "cpu", spec)
            self.grid_size(1, 1)  # refuses an image_size below a step
        else:
            self.patch_size, self.channels = self._fixed_layout(image_size)
            self._step = self.patch_size
        self.fingerprint = fingerprint(
            {
                "encoder": "onnx",
                "versions": [CODE_VERSION, PREPROCESSING_VERSION],
                "weights": files_digest(weight_files(source.path)),
                "output": self._output,
                "scaling": self._scaling,
                "image_size": self._input.size or self._image_size,
            }
        )

    def grid_size(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of the feature map of an image of `height` x `width` pixels."""
        if self._input.size is None:
            return patch_grid(height, width, self.patch_size, self._image_size, self._step)
        max_rows, max_columns = (side // self.patch_size for side in self._input.size)
        return grid_within(height, width, max_rows, max_columns)

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch rows columns channels"]:
        """The chosen output, one feature per cell."""
        grid = self.grid_size(*images.shape[-2:])
        pixels = resize_to_grid(images.to("cpu", torch.float32), grid, self.patch_size)
        cells = grid
        if self._input.size is not None:
            pixels = pad_bottom_right(pixels, *self._input.size)
            cells = (pixels.shape[-2] // self.patch_size, pixels.shape[-1] // self.patch_size)
        pixels = self._scaled(pixels)
        pieces = pixels.split(1) if self._input.single else (pixels,)
        output = torch.cat([self._run(piece) for piece in pieces])
        if output.shape != (len(images), self.channels, *cells):
            raise EncoderError(
                f"{self.spec}: answered {tuple(output.shape)} for {tuple(pixels.shape)}; expected "
                f"{(len(images), self.channels, *cells)}; export it with a fixed input size"
            )
        return feature_map_from_output(output, grid).to(self.device)

    def _scaled(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Colours as the network expects them."""
        if self._scaling == "imagenet":
            return normalise(images, IMAGENET_MEAN, IMAGENET_STD)
        return images * 255.0 if self._scaling == "255" else images

    def _run(self, pixels: Tensor) -> Tensor:
        """One call of onnxruntime, on the CPU's memory."""
        array = np.ascontiguousarray(pixels.numpy(), dtype=self._input.dtype)
        feeds = {self._input.name: array}
        answer = self._session.run([self._output], feeds, self._run_options)[0]
        return torch.from_numpy(np.asarray(answer, dtype=np.float32))

    def _fixed_layout(self, image_size: int | None) -> tuple[int, int]:
        """Patch size and channels of a network with a fixed input size.

        Raises:
            EncoderError: another `image_size` is asked for, or the cells are not square patches.
        """
        assert self._input.size is not None
        height, width = self._input.size
        if image_size not in (None, max(height, width)):
            raise EncoderError(
                f"{self.spec}: the network takes images of {height} x {width} pixels only, "
                f"not image_size {image_size}; leave image_size out"
            )
        channels, rows, columns = answer_shape(self._run, height, width, "cpu", self.spec)
        if height % rows or width % columns or height // rows != width // columns:
            raise EncoderError(
                f"{self.spec}: output {self._output} has {rows} x {columns} cells for an input of "
                f"{height} x {width} pixels, which is no whole square patch; choose another "
                "output with #<name>"
            )
        return height // rows, channels
