"""The feed-forward network of style transfer, cut after its residual blocks.

J. Johnson, A. Alahi and L. Fei-Fei, Perceptual losses for real-time style transfer and
super-resolution, 2016, with the instance normalisation of D. Ulyanov, A. Vedaldi and V. Lempitsky,
2016, in the layout of L. Engstrom's fast-style-transfer:

* front: convolutions 9x9 to 32 channels, 3x3 to 64 and 3x3 to 128, the latter two with stride 2, each
  normalised and rectified; five blocks of two 3x3 convolutions, each normalised, the first rectified,
  whose answer is added to the block's input;
* back: transposed convolutions 3x3 of stride 2 to 64 and to 32, normalised and rectified; a
  convolution 9x9 to 3, normalised; colour = 150 tanh + 127.5.

Colours are 0..255. Convolutions are padded with zeros as TensorFlow's `SAME` does for even sides: one
more at the right and at the bottom where the number is odd. Hence a cell of the middle looks 1.5
pixels to the right of and below the centre of its 4 x 4 pixels; the back undoes that.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

MIDDLE_CHANNELS = 128
STRIDE = 4
"""Side of a cell of the middle, in pixels."""

_EPSILON = 1e-3
_BLOCKS = 5
_CONVOLUTIONS = (
    (9, 3, 32),
    (3, 32, 64),
    (3, 64, 128),
    *[(3, MIDDLE_CHANNELS, MIDDLE_CHANNELS)] * (2 * _BLOCKS),
    (3, 64, 128),  # transposed: from the last number to the second
    (3, 32, 64),
    (9, 32, 3),
)
"""Kernel and the last two axes of each array of weights, in the order of the network."""


def _name(number: int) -> str:
    return f"Variable_{number}" if number else "Variable"


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of each array: weights, shift and scale of each convolution in turn."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (kernel, first, second) in enumerate(_CONVOLUTIONS):
        transposed = 3 + 2 * _BLOCKS <= layer < len(_CONVOLUTIONS) - 1
        channels = first if transposed else second
        shapes[_name(3 * layer)] = (kernel, kernel, first, second)
        shapes[_name(3 * layer + 1)] = shapes[_name(3 * layer + 2)] = (channels,)
    return shapes


class StyleNetwork(nn.Module):
    """Both halves, frozen."""

    def __init__(self, weights: Mapping[str, Float[Tensor, "..."]]) -> None:
        """Bring the arrays into PyTorch's order of axes.

        Args:
            weights: of the names and shapes of `weight_shapes`.
        """
        super().__init__()
        for layer in range(len(_CONVOLUTIONS)):
            kernel = weights[_name(3 * layer)].permute(3, 2, 0, 1).contiguous()
            self.register_buffer(f"kernel_{layer}", kernel)
            self.register_buffer(f"shift_{layer}", weights[_name(3 * layer + 1)])
            self.register_buffer(f"scale_{layer}", weights[_name(3 * layer + 2)])

    def front(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channels rows columns"]:
        """The middle of images in [0, 1] whose sides are multiples of four."""
        hidden = F.relu(self._convolved(images * 255.0, 0))
        hidden = F.relu(self._convolved(hidden, 1, stride=2))
        hidden = F.relu(self._convolved(hidden, 2, stride=2))
        for block in range(3, 3 + 2 * _BLOCKS, 2):
            hidden = hidden + self._convolved(F.relu(self._convolved(hidden, block)), block + 1)
        return hidden

    def back(
        self, middle: Float[Tensor, "batch channels rows columns"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Colours of a middle, a little beyond [0, 1] at most."""
        hidden = F.relu(self._enlarged(middle, 3 + 2 * _BLOCKS))
        hidden = F.relu(self._enlarged(hidden, 4 + 2 * _BLOCKS))
        return (150.0 * torch.tanh(self._convolved(hidden, 5 + 2 * _BLOCKS)) + 127.5) / 255.0

    def _convolved(
        self, maps: Float[Tensor, "batch inputs height width"], layer: int, stride: int = 1
    ) -> Float[Tensor, "batch outputs rows columns"]:
        """A convolution and its normalisation."""
        kernel = self.get_buffer(f"kernel_{layer}")
        padding = kernel.shape[-1] - stride  # of even sides
        before, after = padding // 2, padding - padding // 2
        padded = F.pad(maps, (before, after, before, after))
        return self._normalised(F.conv2d(padded, kernel, stride=stride), layer)

    def _enlarged(
        self, maps: Float[Tensor, "batch inputs rows columns"], layer: int
    ) -> Float[Tensor, "batch outputs height width"]:
        """A transposed convolution to twice the size and its normalisation."""
        full = F.conv_transpose2d(maps, self.get_buffer(f"kernel_{layer}"), stride=2)
        return self._normalised(full[..., :-1, :-1], layer)

    def _normalised(
        self, maps: Float[Tensor, "batch channels height width"], layer: int
    ) -> Float[Tensor, "batch channels height width"]:
        """Each channel of each image with a mean of `shift` and a deviation of `scale`."""
        deviation, mean = torch.std_mean(maps, dim=(2, 3), correction=0, keepdim=True)
        scale = self.get_buffer(f"scale_{layer}")[:, None, None]
        shift = self.get_buffer(f"shift_{layer}")[:, None, None]
        return (maps - mean) / (deviation.square() + _EPSILON).sqrt() * scale + shift
