"""Depths of each cell's own around the likeliest plane."""

import math
from dataclasses import replace

import pytest
import torch

from condense_ns.lifting.depth_choice import chosen_planes, finer
from condense_ns.lifting.depth_proposal import DepthPlanes, DepthProposal, DepthProposer
from condense_ns.lifting.depth_refinement import COUNT, STEP, DepthRefiner, RefinedDepth
from tests.lifting.looking_views import RANGE, TARGET, sources
from tests.lifting.proposed_planes import PLANES, proposed, true_index
from tests.lifting.swept_plane import true_maps

ROWS, COLUMNS = 24, 32


def silent(network):
    """The same whose convolutions say nothing: what disagreement costs is all that counts."""
    with torch.no_grad():
        network.leave.weight.zero_()
        network.leave.bias.zero_()
    return network.requires_grad_(False)


def even_proposal(count=24, rows=12, columns=16, extent=(1.0, 1.0)):
    log = torch.full((count, rows, columns), -math.log(count))
    return DepthProposal(DepthPlanes(*RANGE, count), log, extent)


def by_hand() -> RefinedDepth:
    """One row of two cells with two depths each; the second cell is half covered."""
    chances = torch.tensor([[[0.25, 0.5]], [[0.75, 0.5]]])
    planes = DepthPlanes(1.0, 3.0, 3)
    return RefinedDepth(planes, torch.tensor([[0.5, -0.5]]), chances.log(), (0.75, 1.0))


def test_planes_of_cells_by_hand():
    refined = by_hand()
    expected = torch.tensor([[[0.5, -0.5]], [[0.5 + STEP, -0.5 + STEP]]])
    torch.testing.assert_close(refined.index, expected)
    mean = torch.tensor([[0.5 + 0.75 * STEP, 0.0]])  # never beyond the planes
    torch.testing.assert_close(refined.mean, mean)


def test_the_surface_is_found_more_finely_than_before():
    given = sources()
    maps = true_maps(given)
    proposer, refiner = silent(DepthProposer()), silent(DepthRefiner())
    refiner.agreement.trust.fill_(4.0)
    proposal = proposer(TARGET, given.cameras, maps, PLANES)
    refined = refiner(TARGET, given.cameras, maps, proposal)
    coarse = finer(proposal.log_probabilities.argmax(dim=0).float())
    inner = (slice(4, -4), slice(4, -4))
    before = (coarse - true_index())[inner].abs()
    after = (refined.mean - true_index())[inner].abs()
    assert after.mean() < 0.4 * before.mean()
    assert after.max() < 0.3


def test_a_proposal_that_is_a_plane_off_is_put_right():
    given = sources()
    refiner = silent(DepthRefiner())
    refiner.agreement.trust.fill_(5.0)
    off = proposed(true_index(12, 16) + 1.0, spread=2.0)
    refined = refiner(TARGET, given.cameras, true_maps(given), off)
    apart = (refined.mean - true_index())[4:-4, 4:-4].abs()
    assert apart.mean() < 0.35


def test_depths_lie_around_the_chosen_plane():
    given, proposal = sources(), proposed(true_index(12, 16), 0.3)
    maps = true_maps(given)
    refined = DepthRefiner()(TARGET, given.cameras, maps, proposal)
    assert refined.log_probabilities.shape == (COUNT, ROWS, COLUMNS)
    middle = chosen_planes(TARGET, given.cameras, maps, proposal)
    torch.testing.assert_close(refined.first, middle - STEP * (COUNT - 1) / 2)
    total = refined.log_probabilities.exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones_like(total))


def test_without_agreement_the_proposal_is_what_remains():
    """Between planes it is interpolated, beyond the last ones it is theirs."""
    given = sources()
    refiner = silent(DepthRefiner())
    refiner.agreement.trust.fill_(-20.0)
    proposal = proposed(torch.full((12, 16), 1.0), spread=1.5)
    refined = refiner(TARGET, given.cameras, true_maps(given), proposal)
    first = float(refined.first[0, 0])
    expected = []
    for number in range(COUNT):
        index = min(max(first + STEP * number, 0.0), 23.0)
        before = math.floor(index)
        pair = proposal.log_probabilities[before : before + 2, 0, 0].tolist()
        expected.append(pair[0] + (index - before) * (pair[1] - pair[0]))
    assert first < 0
    found = refined.log_probabilities[:, 0, 0]
    torch.testing.assert_close(found, torch.tensor(expected).log_softmax(dim=0), atol=1e-4, rtol=0)


@pytest.mark.parametrize("count", [3, 4, 24])
@pytest.mark.parametrize("size", [(48, 64), (45, 50), (1, 3)])
def test_any_number_of_planes_and_any_size(count, size):
    given = sources(2)
    target = TARGET.resized(*size)
    rows, columns = -(-size[0] // 4), -(-size[1] // 4)
    extent = (size[1] / (4 * columns), size[0] / (4 * rows))
    even = even_proposal(count, rows, columns, extent)
    refined = DepthRefiner()(target, given.cameras, true_maps(given), even)
    assert refined.first.shape == (2 * rows, 2 * columns)
    assert refined.extent == extent
    depths = refined.planes.depth(refined.mean)
    assert depths.isfinite().all()
    assert ((depths >= RANGE[0] - 1e-4) & (depths <= RANGE[1] + 1e-4)).all()


def test_every_part_learns_and_so_does_the_proposal():
    torch.manual_seed(0)
    given, refiner = sources(), DepthRefiner()
    proposal = proposed(true_index(12, 16))
    log = proposal.log_probabilities.clone().requires_grad_()
    refined = refiner(
        TARGET, given.cameras, true_maps(given), replace(proposal, log_probabilities=log)
    )
    refined.log_probabilities[2].mean().backward()
    assert log.grad is not None
    assert log.grad.any()
    for name, parameter in refiner.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any() or name == "leave.bias", name  # the same for all depths
