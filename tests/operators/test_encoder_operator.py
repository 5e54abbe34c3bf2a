"""Operators that lift an encoder's features."""

import pytest
import torch

from condense_ns.encoders import build_encoder
from condense_ns.operators import Click, OperatorOptions, build_operator

COLOURS = "torch:colour_network:network"


@pytest.mark.parametrize("spec", [f"features:{COLOURS}", f"stroke:{COLOURS}"])
def test_what_is_lifted_is_what_the_encoder_answers(spec, image):
    encoder = build_encoder(COLOURS, image_size=64)
    options = OperatorOptions(clicks=(Click(0, 1.0, 1.0),))
    operator = build_operator(spec, image_size=64, options=options)
    assert torch.equal(operator.encode(image[None]), encoder.encode(image[None]))
    assert operator.grid_size(24, 32) == encoder.grid_size(24, 32)
    assert (operator.channels, operator.device) == (encoder.channels, encoder.device)
    assert operator.fingerprint == encoder.fingerprint
    assert operator.spec == spec
