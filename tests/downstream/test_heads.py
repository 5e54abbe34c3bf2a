"""Heads: what they measure, what they forbid, what they refuse."""

import pytest
import torch

from condense_ns.downstream.heads import (
    Head,
    HeadName,
    Standardised,
    known_cross_entropy,
    masked,
    pooled,
    start_as_rare,
)
from condense_ns.errors import UserError
from tests.voxel_scenes import made_volume, surface_voxels


@pytest.fixture(scope="module")
def volume():
    return made_volume(surface_voxels(6))


def test_standardised_rows_have_mean_zero_and_deviation_one():
    layer = Standardised(3)
    rows = torch.randn(50, 3) * torch.tensor([5.0, 0.1, 0.0]) + 7
    layer.measure([rows[:1], rows[1:20], rows[20:]])
    found = layer(rows)
    assert torch.allclose(found.mean(dim=0), torch.zeros(3), atol=1e-4)
    assert torch.allclose(found.std(dim=0, correction=0), torch.tensor([1.0, 1, 0]), atol=1e-3)


def test_pooling_by_hand():
    assert pooled(torch.tensor([[1.0, -2], [3, -4]])).tolist() == [[2, -3, 3, -2]]


NAMES: tuple[HeadName, ...] = ("linear", "mlp", "decoder")


@pytest.mark.parametrize("name", NAMES)
def test_heads_answer_every_voxel(name: HeadName, volume):
    head = Head(name, 4, 3)
    answers = head(torch.randn(len(volume), 4), volume)
    assert answers.shape == (len(volume), 3)
    answers.sum().backward()
    assert all(p.grad is not None for p in head.parameters())


def test_a_decoder_sees_the_voxels_around(volume):
    rows = torch.randn(len(volume), 4)
    changed = rows.clone()
    changed[0] += 1
    for name in NAMES:
        head = Head(name, 4, 3)
        differs = (head(rows, volume) - head(changed, volume)).abs().sum(dim=1) > 0
        assert differs[0]
        assert bool(differs[1:].any()) == (name == "decoder")


def test_a_decoder_needs_voxels(volume):
    with pytest.raises(UserError, match="a decoder needs one feature per voxel"):
        Head("decoder", 4, 3)(torch.randn(2, 4), volume)


@pytest.mark.parametrize("name", NAMES)
def test_parts_say_what_the_whole_says(name: HeadName):
    grid = torch.rand(200, 12, 8, generator=torch.Generator().manual_seed(0)) < 0.2
    corridor = made_volume(torch.nonzero(grid).int())
    head = Head(name, 4, 3)
    rows = torch.randn(len(corridor), 4)
    found = head.answered(rows, corridor, most_rows=800)
    assert not found.requires_grad
    torch.testing.assert_close(found, head(rows, corridor).detach())
    if name == "decoder":
        with pytest.raises(UserError, match="a decoder needs one feature per voxel"):
            head.answered(rows[:2], corridor)


def test_what_is_not_allowed_is_never_answered():
    logits = masked(torch.tensor([[9.0, 1, 2], [9, 3, 2]]), (1, 2))
    assert logits.argmax(dim=1).tolist() == [2, 1]


def test_unknown_labels_are_left_out():
    logits = torch.tensor([[2.0, 0], [0, 2], [5, 5]], requires_grad=True)
    loss = known_cross_entropy(logits, torch.tensor([0, -1, -1]))
    assert float(loss) == pytest.approx(float(torch.log1p(torch.tensor(-2.0).exp())))
    nothing = known_cross_entropy(logits, torch.tensor([-1, -1, -1]))
    nothing.backward()
    assert float(nothing) == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


def test_classes_are_rare_at_first(volume):
    head = Head("linear", 4, 3)
    start_as_rare(head, 2, 0.01)
    shares = torch.sigmoid(head(torch.zeros(2, 4), volume))
    assert torch.allclose(shares[:, :2], torch.full((2, 2), 0.01), atol=1e-6)
    assert (shares[:, 2] > 0.02).all()
