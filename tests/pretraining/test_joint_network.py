"""Which part of the 2D branch refines what, and which of its weights learn."""

from dataclasses import replace

import pytest
import torch

from condense_ns.fields.encoder_tail import EncoderTail
from condense_ns.geometry.interpolation import on_grid
from condense_ns.pretraining.joint_network import JointNetwork
from condense_ns.pretraining.joint_training import joint_losses
from tests.fields.small_tail import SHAPE
from tests.pretraining.made_up_example import CHANNELS, GRIDS, example

FINE = replace(SHAPE, blocks=1, width=5, heads=1, hidden=6, channels=5)


def network(rank: int = 0) -> JointNetwork:
    """The first of its encoders has a tail, the other one an adapter."""
    torch.manual_seed(0)
    shapes = {"fine": replace(FINE, rank=rank)}
    made = JointNetwork(CHANNELS, "S", 16, 16, 16, shapes)
    for weight in made.branch_2d.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    made.decoders.of_encoder("fine").mean.fill_(0.5)
    made.decoders.of_encoder("fine").scale.fill_(2.0)
    return made


def trunk(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows + 1, columns, 5, generator=torch.Generator().manual_seed(seed))


def test_a_tail_reads_trunks_in_their_own_grids_and_answers_standardised():
    made = network()
    tail, maps = made.branch_2d.tail("fine"), torch.zeros(2, 6, 8, 5)
    assert isinstance(tail, EncoderTail)
    upright = trunk(8, 6, 1)  # a photograph that was taken upright
    found = made.refined("fine", maps, [trunk(6, 8), upright])
    torch.testing.assert_close(found[0], (tail(trunk(6, 8)[None])[0] - 0.5) / 2.0)
    torch.testing.assert_close(found[1], (on_grid(tail(upright[None])[0], 6, 8) - 0.5) / 2.0)
    assert found[1].std() > 0.01


def test_the_other_encoder_has_an_adapter():
    made = network()
    assert made.branch_2d.tail("coarse") is None
    assert list(made.branch_2d.tails) == list(made.branch_2d.tail_sizes) == ["fine"]
    maps = torch.randn(2, 3, 4, 3)
    found = made.refined("coarse", maps)
    torch.testing.assert_close(found, made.branch_2d.refiners[1](maps))


@pytest.mark.parametrize("rank", [0, 2])
def test_losses_train_what_is_to_be_trained_of_a_tail(rank: int):
    made, given = network(rank), example()
    trunks = tuple(trunk(*GRIDS["fine"], seed) for seed in range(3))
    given = replace(given, trunks={"fine": trunks})
    losses = joint_losses(made, [given], ["condense"])
    assert set(losses) == {"lifted", "refined", "steady", "alike", "told", "anchor"}
    for name in ("refined", "steady", "alike", "told", "anchor"):
        learned = torch.autograd.grad(losses[name], made.branch_2d.tuned_weights, retain_graph=True)
        assert any(gradient.any() for gradient in learned), name
    sum(losses.values()).backward()  # type: ignore[union-attr]
    tail = made.branch_2d.tail("fine")
    assert tail is not None
    still = {name for name, weight in tail.named_parameters() if weight.grad is None}
    assert still == tail.of_the_encoder
    assert made.branch_2d.of_encoders == {f"refiners.0.{name}" for name in still}
