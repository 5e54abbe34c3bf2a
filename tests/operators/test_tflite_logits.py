"""Maps of TFLite networks: scaling, quantisation, and where their cells look."""

import pytest
import torch

from condense_ns.operators import OperatorError
from condense_ns.operators.tflite_logits import TfLiteLogits
from tests.operators.tiny_tflite import ENLARGED, STEP, write_tflite


@pytest.fixture
def network(tmp_path):
    """A function that writes a network and opens it."""

    def open_network(size=(12, 16), window=4, quantised=False, scaling="unit", cut=None):
        path = tmp_path / "net.tflite"
        write_tflite(path, size, 4, window, quantised)
        return TfLiteLogits(path, cut, scaling, "cpu")

    return open_network


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("unit", lambda colours: colours),
        ("255", lambda colours: colours * 255),
        ("signed", lambda colours: colours * 2 - 1),
        (
            "imagenet",
            lambda colours: (
                (colours - torch.tensor([0.485, 0.456, 0.406]))
                / torch.tensor([0.229, 0.224, 0.225])
            ),
        ),
    ],
)
def test_means_of_patches(network, scaling, expected):
    images = torch.rand(2, 3, 12, 16)
    means = torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)
    maps = network(scaling=scaling).encode(images)
    torch.testing.assert_close(maps, expected(means), rtol=1e-4, atol=1e-5)


def test_a_network_of_any_size_sees_the_whole_image(tmp_path):
    path = tmp_path / "net.tflite"
    write_tflite(path, (16, 16), 4, 4, free=(1, 2))
    encoder = TfLiteLogits(path, None, "unit", "cpu", 16)
    images = torch.rand(2, 3, 16, 16)
    means = torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)
    assert encoder.grid_size(480, 640) == (4, 4)
    torch.testing.assert_close(encoder.encode(images), means, rtol=1e-4, atol=1e-5)
    assert TfLiteLogits(path, None, "unit", "cpu", 32).fingerprint != encoder.fingerprint


@pytest.mark.parametrize("scaling", [None, "signed"])
def test_quantised_numbers_stand_for_what_they_mean(network, scaling):
    """A pixel of 0..255 is the number itself without a scaling, and what it stands for with one."""
    images = torch.rand(1, 3, 12, 16)
    means = torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)
    found = network(quantised=True, scaling=scaling).encode(images)
    factor, zero = (255 * STEP, 128 * STEP) if scaling is None else (2.0, 1.0)
    torch.testing.assert_close(found, means * factor - zero, atol=1.5 * STEP, rtol=0)


@pytest.mark.parametrize("size", [(13, 17), (12, 16)])
@pytest.mark.parametrize("of_image", [(52, 39), (13, 17)])
def test_cells_look_where_the_convention_says(network, size, of_image):
    """Of 4 n + 1 pixels, windows of one pixel look at the outermost ones; else they average."""
    window = 1 if size[0] % 4 else 4
    height, width = of_image
    red = ((torch.arange(width) + 0.5) / width).expand(height, width)
    green = ((torch.arange(height) + 0.5) / height)[:, None].expand(height, width)
    encoder = network(size, window)
    feature_map = encoder.encode(torch.stack([red, green, red])[None])[0]
    rows, columns = encoder.grid_size(height, width)
    tolerance = 0.5 / min(height, width)  # of resizing, at the borders
    x, y = (torch.arange(columns) + 0.5) / columns, (torch.arange(rows) + 0.5) / rows
    torch.testing.assert_close(feature_map[1, :, 0], x, atol=tolerance, rtol=0)
    torch.testing.assert_close(feature_map[:, 1, 1], y, atol=tolerance, rtol=0)


@pytest.mark.parametrize("scaling", [None, "bgr"])
def test_colours_must_be_told_to_what_is_not_quantised(network, scaling):
    with pytest.raises(OperatorError, match=r"not said by .*; add \?input=255 or \?input=unit"):
        network(scaling=scaling)


def test_fingerprint_follows_file_cut_and_scaling(network):
    fingerprints = [
        network().fingerprint,
        network(size=(16, 16)).fingerprint,
        network(scaling="255").fingerprint,
        network(cut=ENLARGED).fingerprint,
    ]
    assert len(set(fingerprints)) == 4
    assert network(cut="1").fingerprint == fingerprints[0]
