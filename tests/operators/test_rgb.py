"""Plain colours."""

import torch

from condense_ns.operators import build_operator


def test_decoding_undoes_encoding(image):
    operator = build_operator("rgb")
    feature_map = operator.encode(image[None])[0]
    assert feature_map.shape == (*operator.grid_size(24, 32), operator.channels) == (24, 32, 3)
    answer = operator.decode(feature_map, torch.zeros_like(image))
    assert torch.equal(operator.picture(answer), image)
    assert operator.picture(answer + 5).max() == 1.0


def test_a_coarser_grid_holds_means(ramp):
    operator = build_operator("rgb", image_size=13)
    assert operator.grid_size(52, 39) == (13, 10)
    assert operator.grid_size(8, 6) == (8, 6)  # there is no more than the pixels
    feature_map = operator.encode(ramp[None])[0]
    centres = (torch.arange(13) + 0.5) / 13
    torch.testing.assert_close(feature_map[2:-2, 5, 1], centres[2:-2], atol=1e-3, rtol=0)
    torch.testing.assert_close(
        operator.decode(feature_map, ramp)[20:-20, 15:-15],
        ramp[:, 20:-20, 15:-15].permute(1, 2, 0),
        atol=1e-3,
        rtol=0,
    )
    assert operator.fingerprint != build_operator("rgb").fingerprint
