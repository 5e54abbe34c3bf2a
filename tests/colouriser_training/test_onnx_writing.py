"""The ONNX file of a colouriser, as the operator reads it."""

from pathlib import Path

import pytest
import torch

from condense_ns.colouriser_training.colour_network import AB_RANGE, ColourNetwork
from condense_ns.colouriser_training.onnx_writing import write_onnx
from condense_ns.colouriser_training.training import split_lab
from condense_ns.errors import UserError
from condense_ns.operators import build_operator


def test_the_operator_answers_what_the_network_does(tmp_path: Path):
    torch.manual_seed(0)
    network = ColourNetwork().eval()
    write_onnx(network, tmp_path / "colours.onnx")
    operator = build_operator(f"colourise:{tmp_path / 'colours.onnx'}", image_size=128)
    image = torch.rand(3, 96, 128)
    found = operator.encode(image[None])[0]
    expected = network(split_lab(image[None])[0])[0].permute(1, 2, 0)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)
    picture = operator.decode(found, image)
    assert picture.shape == (96, 128, 3)
    assert AB_RANGE == 110.0  # the operator's usual range


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write_onnx(ColourNetwork(), tmp_path / "file" / "colours.onnx")
