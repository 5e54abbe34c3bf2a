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

from collections.abc import Mapping, Sequence

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

_BACK = (3 + 2 * _BLOCKS, 4 + 2 * _BLOCKS, 5 + 2 * _BLOCKS)
"""Layers behind the middle."""
Statistics = tuple[Float[Tensor, " _channels"], Float[Tensor, " _channels"]]
"""Mean and variance of the channels of a layer before its normalisation."""
BackStatistics = tuple[Statistics, ...]
"""Of the layers behind the middle."""


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
        self,
        middle: Float[Tensor, "batch channels rows columns"],
        statistics: BackStatistics | None = None,
    ) -> Float[Tensor, "batch 3 height width"]:
        """Colours of a middle, a little beyond [0, 1] at most.

        Args:
            middle: maps of some images.
            statistics: that the layers normalise by; None takes each image's own.
        """
        hidden, given = middle, statistics or (None,) * len(_BACK)
        for layer, known in zip(_BACK[:-1], given[:-1], strict=True):
            hidden = F.relu(self._normalised(self._raw(hidden, layer), layer, known))
        last = self._normalised(self._raw(hidden, _BACK[-1]), _BACK[-1], given[-1])
        return (150.0 * torch.tanh(last) + 127.5) / 255.0

    def back_statistics(
        self, middles: Sequence[Float[Tensor, "_batch channels _rows _columns"]]
    ) -> BackStatistics:
        """What the layers would normalise by if all the images were one.

        Args:
            middles: maps of images, of any sizes.
        """
        found, hidden = [], list(middles)
        for layer in _BACK:
            raw = [self._raw(maps, layer) for maps in hidden]
            found.append(_pooled_statistics(raw))
            hidden = [F.relu(self._normalised(maps, layer, found[-1])) for maps in raw]
        return tuple(found)

    def _raw(
        self, maps: Float[Tensor, "batch inputs rows columns"], layer: int
    ) -> Float[Tensor, "batch outputs height width"]:
        """A layer of the back before its normalisation."""
        if layer == _BACK[-1]:
            return self._filtered(maps, layer, stride=1)
        full = F.conv_transpose2d(maps, self.get_buffer(f"kernel_{layer}"), stride=2)
        return full[..., :-1, :-1]

    def _convolved(
        self, maps: Float[Tensor, "batch inputs height width"], layer: int, stride: int = 1
    ) -> Float[Tensor, "batch outputs rows columns"]:
        """A convolution and its normalisation."""
        return self._normalised(self._filtered(maps, layer, stride), layer, None)

    def _filtered(
        self, maps: Float[Tensor, "batch inputs height width"], layer: int, stride: int
    ) -> Float[Tensor, "batch outputs rows columns"]:
        kernel = self.get_buffer(f"kernel_{layer}")
        padding = kernel.shape[-1] - stride  # of even sides
        before, after = padding // 2, padding - padding // 2
        return F.conv2d(F.pad(maps, (before, after, before, after)), kernel, stride=stride)

    def _normalised(
        self,
        maps: Float[Tensor, "batch channels height width"],
        layer: int,
        known: Statistics | None,
    ) -> Float[Tensor, "batch channels height width"]:
        """Each channel with a mean of `shift` and a deviation of `scale`, in each image or by known statistics."""
        if known is None:
            variance, mean = torch.var_mean(maps, dim=(2, 3), correction=0, keepdim=True)
        else:
            mean, variance = (values[:, None, None] for values in known)
        scale = self.get_buffer(f"scale_{layer}")[:, None, None]
        shift = self.get_buffer(f"shift_{layer}")[:, None, None]
        return (maps - mean) / (variance + _EPSILON).sqrt() * scale + shift


def _pooled_statistics(
    maps: Sequence[Float[Tensor, "_batch channels _rows _columns"]],
) -> Statistics:
    """Mean and variance of each channel over all pixels of all maps."""
    pixels = torch.cat([single.transpose(0, 1).flatten(1) for single in maps], dim=1)
    variance, mean = torch.var_mean(pixels, dim=1, correction=0)
    return mean, variance
