"""The trained colouriser as an ONNX file that ``colourise:`` reads."""

import warnings
from pathlib import Path

import torch

from condense_ns.colouriser_training.colour_network import ColourNetwork
from condense_ns.whole_files import whole_file

OPSET = 17
_TRACED = (1, 3, 96, 128)


def write_onnx(network: ColourNetwork, path: Path) -> None:
    """Write the network, for images of any size of at least 32 x 32 pixels.

    Raises:
        UserError: the file cannot be written.
    """
    axes = {
        "grey": {0: "batch", 2: "height", 3: "width"},
        "ab": {0: "batch", 2: "rows", 3: "columns"},
    }
    with whole_file(path) as unfinished, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter that needs no further package
        torch.onnx.export(
            network.eval().cpu(),
            (torch.rand(_TRACED),),
            str(unfinished),
            input_names=["grey"],
            output_names=["ab"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
