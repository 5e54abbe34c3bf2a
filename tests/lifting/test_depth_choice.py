"""Which plane each finer cell is near."""

import math
from dataclasses import replace

import torch

from condense_ns.lifting.depth_choice import FINER, chosen_planes, finer
from condense_ns.lifting.depth_proposal import DepthProposal
from condense_ns.lifting.source_features import SourceMaps
from tests.lifting.looking_views import TARGET, sources
from tests.lifting.proposed_planes import PLANES, proposed, true_index

ROWS, COLUMNS = 12, 16
INNER = (slice(4, -4), slice(4, -4))


def photographed(given) -> SourceMaps:
    """Maps of which the photographs alone are looked at."""
    none = torch.zeros(len(given), 1, 1, 1)
    return SourceMaps(given.images, none, none, (1.0, 1.0))


def chosen(given, proposal: DepthProposal) -> torch.Tensor:
    return chosen_planes(TARGET, given.cameras, photographed(given), proposal)


def test_finer_cells_by_hand():
    assert finer(torch.tensor([[1.0, 2.0]])).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_pictures_alone_find_the_surface():
    even = DepthProposal(PLANES, torch.full((24, ROWS, COLUMNS), -math.log(24)), (1.0, 1.0))
    found = chosen(sources(), even)
    assert found.shape == (FINER * ROWS, FINER * COLUMNS)
    apart = (found - true_index(*found.shape))[INNER].abs()
    assert float(apart.median()) < 0.35
    assert float((apart < 1).float().mean()) > 0.95


def test_without_texture_the_proposal_decides():
    given = sources()
    plain = replace(given, images=torch.full_like(given.images, 0.5))
    middle = torch.full((ROWS, COLUMNS), 9.0)
    found = chosen(plain, proposed(middle))
    assert (found - 9)[INNER].abs().max() < 0.05


def test_cells_that_the_proposal_got_wrong_are_put_right():
    right = true_index(ROWS, COLUMNS)
    wrong = right.clone()
    wrong[5:7, 7:9] += 8
    found = chosen(sources(), proposed(wrong))
    apart = (found - true_index(*found.shape))[FINER * 5 : FINER * 7, FINER * 7 : FINER * 9]
    assert float(apart.abs().max()) < 1.0


def test_no_gradient_passes():
    proposal = proposed(true_index(ROWS, COLUMNS))
    log = proposal.log_probabilities.clone().requires_grad_()
    assert not chosen(sources(), replace(proposal, log_probabilities=log)).requires_grad
