"""Planes before a target, and a sweep over them that finds the one where sources agree."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.pinhole import PinholeViews, grid_places, pixel_rays, project_pinhole
from condense_ns.geometry.source_views import SourceViews
from condense_ns.lifting.depth_proposal import DepthPlanes, DepthProposer
from condense_ns.lifting.source_features import MATCHING
from tests.lifting.looking_views import PLACES, RANGE, TARGET, sources, views_at
from tests.lifting.proposed_planes import PLANES, true_index
from tests.lifting.swept_plane import true_maps

ROWS, COLUMNS = 12, 16


@pytest.fixture
def silent() -> DepthProposer:
    """A proposer whose network says nothing: what disagreement costs is all that counts."""
    proposer = DepthProposer()
    with torch.no_grad():
        proposer.leave.weight.zero_()
        proposer.leave.bias.zero_()  # type: ignore[union-attr]
    return proposer


def looking_away(view: PinholeViews) -> PinholeViews:
    """One view that looks along -z."""
    return replace(view, world_to_camera_cv=torch.diag(torch.tensor([-1.0, 1, -1, 1]))[None])


def joined(*views: PinholeViews) -> PinholeViews:
    return replace(
        views[0],
        intrinsics=torch.cat([one.intrinsics for one in views]),
        world_to_camera_cv=torch.cat([one.world_to_camera_cv for one in views]),
    )


def test_three_planes_by_hand():
    planes = DepthPlanes(near=1.0, far=3.0, count=3)
    depths = planes.depth(torch.tensor([0.0, 1.0, 2.0, 0.5]))
    assert depths.tolist() == pytest.approx([1.0, 1.5, 3.0, 1.2])  # 1, 2/3, 1/3 and 5/6 inverted


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
def test_planes_are_uniform_in_inverse_depth_and_found_by_their_depth(scale):
    planes = DepthPlanes(scale * RANGE[0], scale * RANGE[1], 24)
    indices = torch.arange(-0.5, 24, 0.25)
    depths = planes.depth(indices)
    steps = (1 / depths).diff()
    torch.testing.assert_close(steps, steps[:1].expand_as(steps), atol=0.0, rtol=1e-2)
    assert (depths.diff() > 0).all()
    torch.testing.assert_close(planes.index(depths), indices, atol=1e-4, rtol=1e-4)
    ends = planes.depth(torch.tensor([0.0, 23.0])) / scale
    assert ends.tolist() == pytest.approx(list(RANGE))


def test_sources_that_see_the_plane_agree_at_its_depth(silent):
    given = sources()
    with torch.no_grad():
        proposal = silent(TARGET, given.cameras, true_maps(given), PLANES)
    true = true_index(ROWS, COLUMNS)
    apart = proposal.log_probabilities.argmax(dim=0) - true
    assert (apart.abs() < 1).float().mean() > 0.85  # maps know nothing beyond their borders
    assert apart[2:-2, 2:-2].abs().max() < 0.75


def test_a_source_whose_features_are_wrong_loses_its_say(silent):
    given = sources()
    maps = true_maps(given)
    wrong = maps.matching.clone()
    wrong[2] = math.sqrt(MATCHING) * F.normalize(
        torch.randn(wrong[2].shape, generator=torch.Generator().manual_seed(0)), dim=0
    )
    with torch.no_grad():
        silent.agreement.strictness.fill_(2.0)
        proposal = silent(TARGET, given.cameras, replace(maps, matching=wrong), PLANES)
    true = true_index(ROWS, COLUMNS)
    apart = proposal.log_probabilities.argmax(dim=0) - true
    assert apart[2:-2, 2:-2].abs().max() < 1


def test_places_that_one_source_sees_are_proposed_nowhere(silent):
    given = sources(1)
    cameras = joined(given.cameras, looking_away(given.cameras))
    maps = true_maps(SourceViews(given.cameras[[0, 0]], given.images[[0, 0]]))
    with torch.no_grad():
        proposal = silent(TARGET, cameras, maps, PLANES)
    even = torch.full_like(proposal.log_probabilities, -math.log(PLANES.count))
    torch.testing.assert_close(proposal.log_probabilities, even)


def test_places_that_few_see_are_never_likelier_than_those_that_two_see(silent):
    cameras = views_at([(-1.5, 0.0, 0.0), (1.5, 0.1, 0.0)])  # they share little
    given = SourceViews(cameras, sources(2).images)
    with torch.no_grad():
        proposal = silent(TARGET, cameras, true_maps(given), PLANES)
    centre, directions = pixel_rays(grid_places(ROWS, COLUMNS), TARGET)
    depths = PLANES.depth(torch.arange(24.0))
    points = (centre + depths[:, None, None] * directions).flatten(0, 1)
    both = project_pinhole(points, cameras).inside.all(dim=0).reshape(24, ROWS, COLUMNS)
    mixed = both.any(dim=0) & ~both.all(dim=0)
    assert mixed.any()
    log = proposal.log_probabilities
    unseen = torch.where(both, -math.inf, log).amax(dim=0)
    seen = torch.where(both, log, math.inf).amin(dim=0)
    assert (unseen[mixed] <= seen[mixed]).all()


def test_cells_lie_over_targets_that_are_no_whole_cells():
    given = sources()
    target = TARGET.resized(45, 50)
    proposal = DepthProposer()(target, given.cameras, true_maps(given), PLANES)
    assert proposal.log_probabilities.shape == (24, 12, 13)
    assert proposal.extent == (50 / 52, 45 / 48)
    total = proposal.log_probabilities.exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones_like(total))


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (9, 3)])
def test_tiny_targets_have_a_proposal(size):
    given = sources()
    proposal = DepthProposer()(TARGET.resized(*size), given.cameras, true_maps(given), PLANES)
    total = proposal.log_probabilities.exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones_like(total))
    assert proposal.log_probabilities.isfinite().all()


def test_the_order_of_the_sources_does_not_matter():
    torch.manual_seed(0)
    proposer, given, order = DepthProposer(), sources(), [3, 0, 4, 2, 1]
    maps = true_maps(given)
    shuffled = replace(maps, images=maps.images[order], matching=maps.matching[order])
    with torch.no_grad():
        found = proposer(TARGET, given.cameras[order], shuffled, PLANES)
        expected = proposer(TARGET, given.cameras, maps, PLANES)
    torch.testing.assert_close(
        found.log_probabilities, expected.log_probabilities, atol=1e-3, rtol=1e-3
    )


def test_every_part_learns():
    torch.manual_seed(0)
    proposer, given = DepthProposer(), sources()
    maps = true_maps(given)
    maps = replace(maps, matching=maps.matching + 0.3 * torch.randn_like(maps.matching))
    proposal = proposer(TARGET, given.cameras, maps, PLANES)
    proposal.log_probabilities[5].mean().backward()
    for name, parameter in proposer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any() or name == "leave.bias", name  # the same for all planes


def test_one_source_is_enough_for_a_finite_answer():
    given = sources(1)
    assert given.cameras.centres[0].tolist() == pytest.approx(PLACES[0])
    proposal = DepthProposer()(TARGET, given.cameras, true_maps(given), PLANES)
    assert proposal.log_probabilities.isfinite().all()
