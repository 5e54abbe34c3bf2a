"""Poses that are right stay, and poses that drift come back."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.keypoints.adjustment import PoseTrust, adjust
from condense_ns.keypoints.triangulation import Noise, Sightings, Viewpoints

NOISE = Noise(1.0, 0.03)
VIEWS, POINTS, FOCAL = 24, 300, 500.0


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def cross(vectors):
    x, y, z = vectors.unbind(dim=1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)


def looking_in():
    """Views at a distance of two that look at the origin."""
    angles = torch.arange(VIEWS, dtype=torch.float64) * 2 * math.pi / VIEWS
    centres = torch.stack([2 * angles.cos(), 2 * angles.sin(), 0.4 + 0.3 * (3 * angles).sin()], 1)
    forward = F.normalize(-centres, dim=1)
    up = torch.tensor([[0.0, 0.0, 1.0]]).double().expand_as(forward)
    right = F.normalize(torch.linalg.cross(forward, up), dim=1)
    rotations = torch.stack([right, torch.linalg.cross(forward, right), forward], dim=1)
    return of_centres(rotations, centres)


def of_centres(rotations, centres):
    shifts = -torch.einsum("vij,vj->vi", rotations, centres)
    return Viewpoints(rotations, shifts, torch.full((len(shifts),), FOCAL, dtype=torch.float64))


def centres_of(views):
    return -torch.einsum("vji,vj->vi", views.rotations, views.translations)


def drifted(views, degrees=1.0, distance=0.03):
    """Turned and shifted smoothly along the way around, by up to so much along each axis."""
    phase = torch.arange(VIEWS, dtype=torch.float64)[:, None] * 2 * math.pi / VIEWS
    turns = (
        math.radians(degrees) * (phase * 2 + torch.tensor([0.0, 1.0, 2.0])).sin() / math.sqrt(1.5)
    )
    shifts = distance * (phase * 2 + torch.tensor([2.0, 0.5, 1.0])).cos() / math.sqrt(1.5)
    turned = torch.linalg.matrix_exp(cross(turns)) @ views.rotations
    return of_centres(turned, centres_of(views) + shifts)


def sightings_of(xyz, views, pixels=0.3, wrong=0.0, seed=1):
    numbers = torch.arange(POINTS).repeat(VIEWS)
    viewers = torch.arange(VIEWS).repeat_interleave(POINTS)
    seen = torch.rand(len(numbers), generator=torch.Generator().manual_seed(seed)) < 0.5
    numbers, viewers = numbers[seen], viewers[seen]
    local = torch.einsum("sij,sj->si", views.rotations[viewers], xyz[numbers])
    local = local + views.translations[viewers]
    ideal = local[:, :2] / local[:, 2:] + pixels / FOCAL * normal(len(local), 2, seed=seed)
    far = torch.rand(len(ideal), generator=torch.Generator().manual_seed(seed + 1)) < wrong
    ideal[far] += 0.1 * normal(int(far.sum()), 2, seed=seed + 2)
    depths = local[:, 2] * (1 + 0.03 * normal(len(local), seed=seed + 3))
    return Sightings(numbers, viewers, ideal, depths)


def degrees_between(one, other):
    traces = torch.einsum("vij,vij->v", one, other)
    return torch.rad2deg(torch.acos(((traces - 1) / 2).clamp(-1, 1)))


def points():
    return 0.35 * normal(POINTS, 3, seed=20)


def test_perfect_poses_move_nothing_noticeable():
    xyz, views = points(), looking_in()
    found = adjust(xyz, sightings_of(xyz, views, pixels=0.0), views, NOISE, PoseTrust())
    assert found.degrees.max() < 0.05
    assert (centres_of(found.views) - centres_of(views)).norm(dim=1).max() < 0.003
    assert (found.points.xyz - xyz).norm(dim=1).max() < 0.01
    assert found.points.errors.median() < 0.1


@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_drifted_poses_come_back_relative_to_each_other(wrong):
    xyz, truth = points(), looking_in()
    given = drifted(truth)
    seen = sightings_of(xyz, truth, wrong=wrong)
    firm = adjust(xyz, seen, given, NOISE, None)
    assert firm.points.errors.median() > 3.0
    found = adjust(xyz, seen, given, NOISE, PoseTrust())
    assert found.points.errors.median() < 1.0
    following = torch.roll(torch.arange(VIEWS), -4)

    def relative(views):
        return views.rotations[following] @ views.rotations.transpose(1, 2)

    before = degrees_between(relative(given), relative(truth))
    after = degrees_between(relative(found.views), relative(truth))
    assert before.median() > 0.5
    assert after.median() < 0.25 * before.median()


def test_trust_in_poses_holds_them():
    xyz, truth = points(), looking_in()
    given, seen = drifted(truth), sightings_of(xyz, truth)
    found = adjust(xyz, seen, given, NOISE, None)
    assert found.degrees.max() < 1e-5
    assert (found.views.translations - given.translations).abs().max() < 1e-6
    moved = [
        adjust(xyz, seen, given, NOISE, PoseTrust(d, d / 50)).degrees.mean() for d in (0.01, 1.0)
    ]
    assert moved[0] < moved[1]


def test_the_turn_that_is_told_is_the_one_that_was_made_and_rotations_stay_rotations():
    xyz, truth = points(), looking_in()
    given = drifted(truth)
    found = adjust(xyz, sightings_of(xyz, truth), given, NOISE, PoseTrust())
    made = degrees_between(found.views.rotations, given.rotations)
    assert torch.allclose(found.degrees, made, atol=0.02)
    products = found.views.rotations @ found.views.rotations.transpose(1, 2)
    assert (products - torch.eye(3)).abs().max() < 1e-9


def test_the_order_of_the_sightings_does_not_matter():
    xyz, truth = points(), looking_in()
    given, seen = drifted(truth), sightings_of(xyz, truth)
    order = torch.randperm(len(seen.points), generator=torch.Generator().manual_seed(5))
    parts = (seen.points, seen.views, seen.ideal, seen.depths)
    one = adjust(xyz, seen, given, NOISE, PoseTrust())
    shuffled = Sightings(*(part[order] for part in parts))
    other = adjust(xyz, shuffled, given, NOISE, PoseTrust())
    assert (other.points.xyz - one.points.xyz).abs().max() < 1e-8
    assert (other.views.rotations - one.views.rotations).abs().max() < 1e-8


def test_a_view_without_sightings_stays():
    xyz, truth = points(), looking_in()
    given, seen = drifted(truth), sightings_of(xyz, truth)
    kept = seen.views != 5
    parts = (seen.points, seen.views, seen.ideal, seen.depths)
    found = adjust(xyz, Sightings(*(part[kept] for part in parts)), given, NOISE, PoseTrust())
    assert found.degrees[5] == 0.0
    assert torch.equal(found.views.rotations[5], given.rotations[5])
    assert torch.equal(found.views.translations[5], given.translations[5])


def test_without_sightings_nothing_moves():
    nobody = torch.zeros(0, dtype=torch.long)
    nothing = Sightings(nobody, nobody, normal(0, 2), normal(0))
    views = looking_in()
    for xyz in (points(), normal(0, 3)):
        found = adjust(xyz, nothing, views, NOISE, PoseTrust())
        assert torch.equal(found.points.xyz, xyz)
        assert torch.equal(found.views.rotations, views.rotations)
