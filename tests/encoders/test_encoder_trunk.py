"""Encoders cut in two: put together again they answer as before."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from condense_ns.encoders import EncoderError, build_encoder
from condense_ns.encoders.base import ImageEncoder
from condense_ns.encoders.encoder_trunk import EncoderTrunk
from condense_ns.fields.encoder_tail import EncoderTail
from tests.tiny_transformers import write_dinov2

IMAGES = torch.rand(2, 3, 42, 70, generator=torch.Generator().manual_seed(1))
Spec = Callable[..., str]
DINOV2 = {
    "plain": {},
    "registers": {"registers": True},
    "gated": {"use_swiglu_ffn": True},
    "without biases": {"qkv_bias": False},
}


def put_together(trunk: EncoderTrunk) -> EncoderTail:
    """The tail with the encoder's weights."""
    tail = EncoderTail(trunk.tail.shape)
    tail.take_over(trunk.tail.weights)
    return tail


def agree(encoder: ImageEncoder, blocks: int, images: torch.Tensor) -> None:
    trunk = EncoderTrunk(encoder, blocks)
    expected, maps = encoder.encode(images), trunk.encode(images)
    assert maps.shape[1:3] == trunk.grid_size(*images.shape[-2:])
    assert maps.shape[3] == trunk.channels
    assert torch.isfinite(maps).all()
    found = put_together(trunk)(maps)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    stored = put_together(trunk)(maps.half().float())  # as it is read from a store
    assert (stored - expected).norm() < 2e-3 * expected.norm()


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("kind", DINOV2)
def test_dinov2(tmp_path: Path, kind: str, blocks: int):
    encoder = build_encoder(write_dinov2(tmp_path, **DINOV2[kind]), image_size=70)
    agree(encoder, blocks, IMAGES)


@pytest.mark.parametrize(
    "kind", [{}, {"ls_init_value": 0.5}, {"act_kwargs": {"approximate": "tanh"}}]
)
@pytest.mark.parametrize("blocks", [1, 2])
def test_openclip(tiny_clip: Spec, kind: dict, blocks: int):
    agree(build_encoder(tiny_clip(**kind), image_size=64), blocks, IMAGES)


def test_the_quick_activation_of_openai(tmp_path: Path, tiny_clip: Spec):
    spec = tiny_clip()
    file = tmp_path / "open_clip_config.json"
    file.write_text(file.read_text().replace('"embed_dim"', '"quick_gelu": true, "embed_dim"'))
    encoder = build_encoder(spec, image_size=64)
    assert EncoderTrunk(encoder, 2).tail.shape.activation == "quick_gelu"
    agree(encoder, 2, IMAGES)


@pytest.mark.parametrize("blocks", [1, 2, 6])
def test_trained_weights(blocks: int):
    agree(build_encoder("mini", image_size=64), blocks, IMAGES)


def test_equal_prefixes_are_equal_fingerprints(tmp_path: Path):
    encoder = build_encoder(write_dinov2(tmp_path), image_size=70)
    one, same, two = (EncoderTrunk(encoder, blocks) for blocks in (1, 1, 2))
    assert one.fingerprint == same.fingerprint != two.fingerprint
    assert one.fingerprint != encoder.fingerprint
    other = build_encoder(write_dinov2(tmp_path, seed=1), image_size=70)
    assert EncoderTrunk(other, 1).fingerprint != one.fingerprint


def test_what_is_cut_off_is_described_in_plain_numbers(tmp_path: Path):
    encoder = build_encoder(write_dinov2(tmp_path, registers=True), image_size=70)
    assert asdict(EncoderTrunk(encoder, 2).tail.shape) == {
        "blocks": 2,
        "width": 12,
        "heads": 2,
        "hidden": 48,
        "channels": 12,
        "prefix": 5,
        "epsilon": 1e-6,
        "activation": "gelu",
        "scaled": True,
        "own_values": False,
        "rank": 0,
    }


def test_what_cannot_be_cut_is_told(tmp_path: Path, tiny_clip: Spec):
    with pytest.raises(
        EncoderError, match=r"gradients has no transformer blocks .*; name encoders"
    ):
        EncoderTrunk(build_encoder("gradients"), 1)
    encoder = build_encoder(write_dinov2(tmp_path), image_size=70)
    with pytest.raises(EncoderError, match="has 3 blocks, of which 4 cannot be tuned; set --pipe"):
        EncoderTrunk(encoder, 4)
    relu = build_encoder(write_dinov2(tmp_path, hidden_act="relu"), image_size=70)
    with pytest.raises(EncoderError, match="activation relu, expected gelu or swiglu; use publ"):
        EncoderTrunk(relu, 1)
