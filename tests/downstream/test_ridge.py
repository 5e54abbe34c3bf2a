"""Linear read-out in closed form: by hand, against a search, and what holds little."""

import pytest
import torch

from condense_ns.downstream.ridge import ridge_read_out


def test_one_channel_by_hand():
    rows = torch.tensor([[-3.0], [3.0]])  # standardised: -1 and 1
    answers = torch.tensor([[0.0], [4.0]])  # around 2: -2 and 2, so that the weight is 2 / (1 + s)
    found = ridge_read_out(rows, answers, torch.tensor([[0.0], [6.0]]), strength=1.0)
    torch.testing.assert_close(found, torch.tensor([[2.0], [4.0]]))


def test_it_is_the_least_of_what_it_minimises():
    generator = torch.Generator().manual_seed(0)
    rows, answers = (torch.randn(40, width, generator=generator) for width in (3, 2))
    strength = 0.3
    standard = (rows - rows.mean(dim=0)) / rows.std(dim=0, correction=0)
    target = answers - answers.mean(dim=0)
    weights = torch.zeros(3, 2, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, tolerance_grad=1e-9)

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        error = (standard @ weights - target).square().sum() / len(rows)
        (whole := error + strength * weights.square().sum()).backward()
        return whole

    optimiser.step(loss)
    expected = standard @ weights.detach() + answers.mean(dim=0)
    found = ridge_read_out(rows, answers, rows, strength)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("rows", [torch.ones(5, 3), torch.ones(1, 3)])
def test_features_that_never_change_say_the_mean(rows: torch.Tensor):
    answers = torch.arange(2.0 * len(rows)).view(-1, 2)
    found = ridge_read_out(rows, answers, torch.full((2, 3), 7.0))
    torch.testing.assert_close(found, answers.mean(dim=0).expand(2, 2))


def test_the_scale_of_features_does_not_matter():
    generator = torch.Generator().manual_seed(1)
    rows, answers = (torch.randn(30, width, generator=generator) for width in (4, 2))
    scaled = rows * torch.tensor([1.0, 100.0, 0.1, 7.0]) + 5
    torch.testing.assert_close(
        ridge_read_out(rows, answers, rows[:9]),
        ridge_read_out(scaled, answers, scaled[:9]),
        atol=1e-4,
        rtol=1e-4,
    )
