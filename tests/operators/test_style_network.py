"""The network of style transfer against a slow one in numpy, written from its description."""

import math

import numpy as np
import pytest
import torch

from condense_ns.operators.style_network import StyleNetwork, weight_shapes
from condense_ns.operators.style_weights import read_weights


def padding_same(size, kernel, stride):
    """TensorFlow's SAME: how many zeros before and after, and the length of the answer."""
    answers = math.ceil(size / stride)
    total = max((answers - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2, answers


def convolved(image, kernel, stride):
    """Every output by itself; kernel [rows, columns, inputs, outputs]."""
    side = len(kernel)
    top, bottom, rows = padding_same(image.shape[0], side, stride)
    left, right, columns = padding_same(image.shape[1], side, stride)
    padded = np.pad(image, ((top, bottom), (left, right), (0, 0)))
    answer = np.empty((rows, columns, kernel.shape[3]))
    for row in range(rows):
        for column in range(columns):
            y, x = row * stride, column * stride
            answer[row, column] = np.einsum(
                "ijc,ijco->o", padded[y : y + side, x : x + side], kernel
            )
    return answer


def transposed(image, kernel):
    """The gradient of a SAME convolution of stride 2; kernel [rows, columns, outputs, inputs]."""
    height, width = 2 * image.shape[0], 2 * image.shape[1]
    side = len(kernel)
    top, bottom, _ = padding_same(height, side, 2)
    left, right, _ = padding_same(width, side, 2)
    padded = np.zeros((height + top + bottom, width + left + right, kernel.shape[2]))
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            spread = np.einsum("ijoc,c->ijo", kernel, image[row, column])
            padded[2 * row : 2 * row + side, 2 * column : 2 * column + side] += spread
    return padded[top : top + height, left : left + width]


def normalised(image, shift, scale):
    mean, variance = image.mean(axis=(0, 1)), image.var(axis=(0, 1))
    return scale * (image - mean) / np.sqrt(variance + 1e-3) + shift


class SlowNetwork:
    """Reads its arrays one after the other, in the order in which the network uses them."""

    def __init__(self, arrays):
        self.arrays = [arrays["Variable"], *(arrays[f"Variable_{n}"] for n in range(1, 48))]
        self.arrays = [array.astype(np.float64) for array in self.arrays]

    def layer(self, operation, image, *stride):
        kernel, shift, scale, *self.arrays = self.arrays
        return normalised(operation(image, kernel, *stride), shift, scale)

    def front(self, image):
        hidden = image * 255
        for stride in (1, 2, 2):
            hidden = np.maximum(self.layer(convolved, hidden, stride), 0)
        for _ in range(5):
            inner = np.maximum(self.layer(convolved, hidden, 1), 0)
            hidden = hidden + self.layer(convolved, inner, 1)
        return hidden

    def back(self, middle):
        hidden = middle
        for _ in range(2):
            hidden = np.maximum(self.layer(transposed, hidden), 0)
        return (np.tanh(self.layer(convolved, hidden, 1)) * 150 + 255 / 2) / 255


def agree(arrays, height, width):
    network = StyleNetwork({name: torch.from_numpy(array) for name, array in arrays.items()})
    image = np.random.default_rng(1).random((height, width, 3))
    slow = SlowNetwork(arrays)
    middle = slow.front(image)
    found = network.front(torch.from_numpy(image).float().permute(2, 0, 1)[None])
    scale = np.abs(middle).max()
    assert middle.shape == (height // 4, width // 4, 128)
    np.testing.assert_allclose(found[0].permute(1, 2, 0), middle, atol=1e-4 * scale)
    answer = slow.back(middle)
    found = network.back(torch.from_numpy(middle).float().permute(2, 0, 1)[None])
    np.testing.assert_allclose(found[0].permute(1, 2, 0), answer, atol=1e-3)


def test_it_agrees_with_the_slow_network(style_arrays):
    agree(style_arrays, 8, 12)


@pytest.mark.data
@pytest.mark.parametrize("style", ["la_muse", "wave"])
def test_it_agrees_with_real_weights(shared_data, style):
    weights = read_weights(shared_data / "models/fast_style" / style, weight_shapes())
    agree({name: weight.numpy() for name, weight in weights.items()}, 12, 8)


def test_images_of_a_batch_do_not_touch(style_arrays):
    network = StyleNetwork({name: torch.from_numpy(array) for name, array in style_arrays.items()})
    images = torch.rand(2, 3, 8, 8)
    middle = network.front(images)
    torch.testing.assert_close(middle[1:], network.front(images[1:]), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(network.back(middle)[1:], network.back(middle[1:]))


def _network(arrays):
    return StyleNetwork({name: torch.from_numpy(values) for name, values in arrays.items()})


def test_statistics_of_one_image_are_its_own(style_arrays):
    network, middle = _network(style_arrays), torch.randn(1, 128, 5, 6)
    statistics = network.back_statistics([middle])
    torch.testing.assert_close(
        network.back(middle, statistics), network.back(middle), atol=1e-5, rtol=1e-4
    )


def test_statistics_of_several_images_are_those_of_all_pixels(style_arrays):
    network = _network(style_arrays)
    middles = [torch.randn(1, 128, 5, 6), 3 * torch.randn(1, 128, 7, 4) + 1]
    mean, variance = network.back_statistics(middles)[0]
    raw = torch.cat([network._raw(middle, 13).flatten(2) for middle in middles], dim=2)[0]
    torch.testing.assert_close(mean, raw.mean(dim=1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        variance, (raw - mean[:, None]).square().mean(dim=1), atol=1e-5, rtol=1e-4
    )
