"""Last blocks of an encoder: what they compute, what of them learns."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from condense_ns.fields.encoder_tail import EncoderTail
from condense_ns.fields.low_rank_linear import LowRankLinear
from condense_ns.fields.transformer_block import OwnValues, SelfAttention
from condense_ns.tensors import TailShape
from tests.fields.small_tail import SHAPE

CLIP = replace(SHAPE, channels=5, scaled=False, own_values=True, activation="quick_gelu")
TRUNK = torch.randn(2, 4, 3, 8, generator=torch.Generator().manual_seed(0))


def tail(shape: TailShape = SHAPE, seed: int = 0) -> EncoderTail:
    """With weights that nobody trained."""
    torch.manual_seed(seed)
    made = EncoderTail(shape)
    for weight in made.parameters():
        nn.init.normal_(weight, std=0.3)
    return made


def test_attention_by_hand():
    """One head of one number: two tokens 0 and 1 with keys 0 and 1; the second asks for weights e^0 and e^1."""
    made = SelfAttention(replace(SHAPE, width=1, heads=1))
    with torch.no_grad():
        for layer in (made.query, made.key, made.value, made.out):
            layer.weight.fill_(1.0)
            layer.bias.zero_()
    found = made(torch.tensor([[[0.0], [1.0]]]))
    expected = torch.tensor([[[0.5], [math.e / (1 + math.e)]]])
    torch.testing.assert_close(found, expected)


def test_every_token_sees_every_other_and_the_prefix():
    made = tail()
    plain = made(TRUNK)
    assert plain.shape == (2, 3, 3, 8)
    for row, column in ((3, 0), (0, 0)):  # the class token, a patch
        changed = TRUNK.clone()
        changed[0, row, column, 0] += 1.0
        moved = (made(changed) - plain).abs().amax(dim=3)
        assert (moved[0] > 1e-4).all()
        assert not moved[1].any()
    filling = TRUNK.clone()
    filling[:, 3, 1:, 0] = 7.0
    assert torch.equal(made(filling), plain)


def test_values_of_their_own_see_nothing_else():
    made = tail(replace(CLIP, blocks=1))
    assert isinstance(made.blocks[0], OwnValues)
    changed = TRUNK.clone()
    changed[0, 0, 0, 0] += 1.0
    moved = (made(changed) - made(TRUNK)).abs().amax(dim=3) > 1e-6
    assert moved.nonzero().tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("shape", [SHAPE, CLIP, replace(SHAPE, activation="swiglu")])
def test_all_weights_learn_or_updates_alone(shape: TailShape):
    whole = tail(shape)
    whole(TRUNK).square().sum().backward()
    assert all(weight.grad is not None for weight in whole.parameters())
    assert whole.of_the_encoder == set()
    low = tail(replace(shape, rank=3))
    low(TRUNK).square().sum().backward()
    updates = {
        f"{name}.{part}"
        for name, layer in low.named_modules()
        if isinstance(layer, LowRankLinear)
        for part in ("down", "up")
    }
    learning = {name for name, weight in low.named_parameters() if weight.grad is not None}
    assert learning == updates
    assert low.of_the_encoder == set(whole.state_dict())


def test_updates_begin_as_nothing_and_can_be_merged():
    own = tail(CLIP)
    low = EncoderTail(replace(CLIP, rank=2))
    low.take_over(own.state_dict())
    assert torch.equal(low(TRUNK), own(TRUNK))
    for name, weight in low.named_parameters():
        if name.endswith(".up"):
            nn.init.normal_(weight, std=0.1)
    assert (low(TRUNK) - own(TRUNK)).abs().max() > 0.01
    merged = {
        f"{name}.weight": layer.merged_weight
        for name, layer in low.named_modules()
        if isinstance(layer, LowRankLinear)
    }
    assert len(merged) == 6 + 2
    own.take_over(merged)
    torch.testing.assert_close(low(TRUNK), own(TRUNK))


def test_training_changes_updates_and_nothing_else():
    low = tail(replace(SHAPE, rank=2))
    before = {name: weight.clone() for name, weight in low.state_dict().items()}
    optimiser = torch.optim.Adam([w for w in low.parameters() if w.requires_grad], lr=1e-2)
    for _ in range(3):
        optimiser.zero_grad()
        low(TRUNK).square().mean().backward()
        optimiser.step()
    changed = {name for name, w in low.state_dict().items() if not torch.equal(w, before[name])}
    assert changed == set(before) - low.of_the_encoder
