"""The colouriser's network."""

import pytest
import torch

from condense_ns.colouriser_training.colour_network import AB_RANGE, ColourNetwork


@pytest.fixture(scope="module")
def network() -> ColourNetwork:
    torch.manual_seed(0)
    return ColourNetwork().eval()


@pytest.mark.parametrize("size", [(32, 32), (96, 128), (33, 61), (252, 189)])
def test_photographs_of_any_size_have_colours_of_a_quarter_of_it(network, size):
    answer = network(torch.rand(2, 3, *size))
    assert answer.shape == (2, 2, -(-size[0] // 4), -(-size[1] // 4))
    assert answer.isfinite().all()


def test_answers_are_colours_that_there_are(network):
    answer = AB_RANGE * network(torch.rand(1, 3, 64, 64))[0].flatten(1)
    low, high = network.centres.min(dim=0).values, network.centres.max(dim=0).values
    assert (answer >= low[:, None]).all()
    assert (answer <= high[:, None]).all()


def test_photographs_of_a_batch_know_nothing_of_each_other(network):
    first, second = torch.rand(2, 1, 3, 64, 64)
    together = network(torch.cat([first, second]))
    torch.testing.assert_close(together[:1], network(first), atol=1e-5, rtol=1e-4)


def test_every_part_learns():
    network = ColourNetwork()
    network(torch.rand(2, 3, 64, 64)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
