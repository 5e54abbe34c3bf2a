"""Candidates of cells and rays: a cell's own, those that others lend it, and those of the cells around a ray."""

import pytest
import torch

from condense_ns.lifting.depth_candidates import (
    AWAY,
    LENT,
    DepthCandidates,
    depth_candidates,
)
from condense_ns.lifting.depth_proposal import DepthPlanes
from condense_ns.lifting.depth_refinement import COUNT, STEP, RefinedDepth
from condense_ns.lifting.source_surfaces import SourceSurfaces
from tests.lifting.looking_views import TARGET, sources, surfaces_of
from tests.lifting.proposed_planes import PLANES, true_index
from tests.lifting.swept_plane import true_maps


def by_hand() -> DepthCandidates:
    """One row of two cells with two depths each; the second cell is half covered."""
    planes = DepthPlanes(1.0, 3.0, 3)
    index = torch.tensor([[[0.5, -0.5]], [[1.0, 0.0]]])
    return DepthCandidates(planes, index, torch.tensor([[[0.25, 0.5]], [[0.75, 0.5]]]), (0.75, 1.0))


def test_candidates_of_rays_by_hand():
    """Cells' centres lie at a third and at one; between them both cells have their share."""
    places = torch.tensor([[0.0, 0.5], [1 / 3, 0.9], [0.5, 0.0], [2 / 3, 1.0], [9.0, -9.0]])
    chances, index = by_hand().at(places)
    first, second = {0.5: 0.25, 1.0: 0.75}, {-0.5: 0.5, 0.0: 0.5}
    for share, found, at in zip((0.0, 0.0, 0.25, 0.5, 1.0), chances, index, strict=True):
        assert at.diff().min() >= 0  # the nearest first
        for plane, chance in (first | second).items():
            expected = share * chance if plane in second else (1 - share) * chance
            assert found[at == plane].sum().item() == pytest.approx(expected, abs=1e-6)


def test_depths_of_candidates_by_hand():
    planes = by_hand().planes
    index = torch.tensor([[0.5, 1.0, 1.9], [-0.5, 0.0, 1.0]])
    found = by_hand().depth(index, torch.tensor([[-0.5, 1.0, 2.4]] * 2))
    expected = torch.tensor([[0.25, 1.0, 2.0], [0.0, 0.0, 1.2]])  # never beyond the planes
    torch.testing.assert_close(found, planes.depth(expected))


def certain(index) -> RefinedDepth:
    """One depth in each cell."""
    chances = torch.full((COUNT, *index.shape), -30.0)
    chances[COUNT // 2] = 0.0
    return RefinedDepth(PLANES, index - STEP * (COUNT // 2), chances, (1.0, 1.0))


def candidates_of(refined: RefinedDepth, surfaces: SourceSurfaces | None = None) -> DepthCandidates:
    given = sources()
    return depth_candidates(TARGET, given.cameras, true_maps(given), refined, surfaces)


def known_surfaces(unknown: float = 0.0) -> SourceSurfaces:
    """The plane in the sources' cells, all but a share of them."""
    cameras = sources().cameras
    depths = surfaces_of(cameras)
    away = torch.rand(depths.shape, generator=torch.Generator().manual_seed(0)) < unknown
    return SourceSurfaces(cameras, depths.where(~away, torch.inf))


def test_cells_lend_their_depths_to_those_around():
    index = 5 + torch.arange(24 * 32.0).reshape(24, 32) / 100
    found = candidates_of(certain(index))
    torch.testing.assert_close(found.index[COUNT // 2], index)
    row, column = 10, 20
    lent = found.index[COUNT:, row, column].tolist()
    expected = [
        index[row - AWAY, column],
        index[row + AWAY, column],
        index[row, column - AWAY],
        index[row, column + AWAY],
    ]
    assert lent == pytest.approx([float(one) for one in expected], abs=1e-4)
    corner = found.index[COUNT:, 0, 0].tolist()  # the border is repeated
    expected = [index[0, 0], index[AWAY, 0], index[0, 0], index[0, AWAY]]
    assert corner == pytest.approx([float(one) for one in expected], abs=1e-4)


def test_probabilities_sum_to_one_and_where_all_are_alike_as_much_is_lent_as_said():
    found = candidates_of(certain(torch.full((24, 32), 10.0)))
    total = found.probabilities.sum(dim=0)
    torch.testing.assert_close(total, torch.ones_like(total))
    lent = found.probabilities[COUNT:]
    torch.testing.assert_close(lent, torch.full_like(lent, LENT), atol=1e-5, rtol=0)


def test_a_wrong_cell_has_the_depth_of_its_neighbours_and_a_right_one_keeps_its_own():
    """A block of cells is 8 planes too near, and less sure of it; what remains is for rays to settle."""
    index = true_index().clone()
    index[10:14, 14:18] -= 8
    found = candidates_of(certain(index))
    apart = (found.index - true_index()).abs()
    wrong = (found.probabilities * (apart > 2)).sum(dim=0)
    assert wrong[10:14, 14:18].mean() < 0.6
    assert wrong[2:8, 4:28].max() < 0.1


@pytest.mark.parametrize("unknown", [0.0, 0.5])
def test_a_wrong_cell_has_the_depth_of_the_sources_surfaces(unknown):
    """However wide the block is: no neighbour has to lend anything."""
    index = true_index().clone()
    index[6:18, 8:24] -= 8
    found = candidates_of(certain(index), known_surfaces(unknown))
    assert len(found.index) == COUNT + len(sources())
    total = found.probabilities.sum(dim=0)
    torch.testing.assert_close(total, torch.ones_like(total))
    wrong = (found.probabilities * ((found.index - true_index()).abs() > 2)).sum(dim=0)
    assert wrong.mean() < 0.05


def test_surfaces_that_are_not_known_change_nothing():
    refined = certain(true_index())
    found = candidates_of(refined, known_surfaces(unknown=1.1))
    torch.testing.assert_close(found.index[COUNT:], refined.mean.expand_as(found.index[COUNT:]))
    torch.testing.assert_close(found.probabilities[:COUNT], refined.log_probabilities.exp())


def test_gradients_reach_the_refined_probabilities_and_nothing_else():
    refined = certain(true_index())
    likely = refined.log_probabilities.clone().requires_grad_()
    first = refined.first.clone().requires_grad_()
    found = candidates_of(RefinedDepth(PLANES, first, likely, (1.0, 1.0)))
    found.probabilities[COUNT // 2].sum().backward()
    assert likely.grad is not None
    assert likely.grad.abs().sum() > 0
    assert first.grad is None


@pytest.mark.parametrize("rows", [1, 2, 24])
def test_any_size(rows):
    found = candidates_of(certain(torch.full((rows, 5), 3.0)))
    assert found.probabilities.shape == (COUNT + 4, rows, 5)
    assert found.probabilities.isfinite().all()
