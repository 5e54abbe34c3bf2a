"""Colours as shares of cells, and back."""

import torch

from condense_ns.colouriser_training.colour_bins import (
    SPACING,
    annealed_mean,
    gamut_centres,
    rarity_weights,
    shares_of_bins,
)

PAIR = torch.tensor([[0.0, 0.0], [20.0, 0.0]])


def test_centres_are_those_of_colours_that_there_are():
    centres = gamut_centres().tolist()
    assert [0.0, 0.0] in centres
    assert [80.0, 60.0] in centres  # red is 80.1, 67.2
    assert [-100.0, -100.0] not in centres
    assert len({tuple(centre) for centre in centres}) == len(centres) > 50
    assert all(value % SPACING == 0 for centre in centres for value in centre)


def test_a_colour_half_way_belongs_to_both():
    shares = shares_of_bins(torch.tensor([[10.0, 0.0], [0.0, 0.0]]), PAIR)
    torch.testing.assert_close(shares[0], torch.tensor([0.5, 0.5]))
    # Two standard deviations lie between the cells: e^0 and e^-2.
    expected = torch.tensor([1.0, 0.1353352832]) / 1.1353352832
    torch.testing.assert_close(shares[1], expected)


def test_shares_keep_the_batch_and_sum_to_one():
    shares = shares_of_bins(100 * torch.randn(2, 3, 4, 2), gamut_centres())
    assert shares.shape[:3] == (2, 3, 4)
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(2, 3, 4))


def test_the_mean_leans_to_the_likeliest():
    even = annealed_mean(torch.zeros(1, 2, 1, 1), PAIR)
    torch.testing.assert_close(even.flatten(), torch.tensor([10.0, 0.0]))
    # A quarter and three quarters, sharpened to the power of 1 / 0.38.
    logits = torch.tensor([0.25, 0.75]).log()[None, :, None, None]
    sharp = torch.tensor([0.25, 0.75]) ** (1 / 0.38)
    torch.testing.assert_close(
        annealed_mean(logits, PAIR).flatten(),
        20 * torch.stack([sharp[1] / sharp.sum(), sharp[0] * 0]),
    )


def test_rare_colours_count_more_and_the_mean_is_one():
    frequencies = torch.tensor([0.9, 0.1, 0.0])
    weights = rarity_weights(frequencies)
    assert weights[0] < weights[1] < weights[2] < torch.inf
    torch.testing.assert_close((weights * frequencies).sum(), torch.tensor(1.0))
