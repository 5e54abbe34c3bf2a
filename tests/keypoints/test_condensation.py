"""A made-up scene is condensed to points nearer to the truth than what was lifted."""

import time
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from condense_ns.keypoints import condensation
from condense_ns.keypoints.adjustment import PoseTrust
from condense_ns.keypoints.condensation import (
    LEAST_VIEWS,
    LiftedViews,
    Wanted,
    condense_detections,
)
from condense_ns.keypoints.triangulation import Viewpoints
from tests.keypoints.looking_ring import FOCAL, ring

WIDE, HIGH = 1.28, 0.96  # 640 x 480 pixels
RADIUS = 0.03


def box(count, generator):
    """Points on the faces of a cube, and the normals there."""
    xyz = 2 * torch.rand(count, 3, generator=generator, dtype=torch.float64) - 1
    rows, axis = torch.arange(count), torch.randint(0, 3, (count,), generator=generator)
    xyz[rows, axis] = xyz[rows, axis].sign()
    normals = torch.zeros_like(xyz)
    normals[rows, axis] = xyz[rows, axis]
    return xyz, normals


def one_view(rotation, shift, xyz, normals, looks, most, generator):
    """Detections of the points that face a view: noisy, and three of ten elsewhere."""
    local = xyz @ rotation.T + shift
    ideal = local[:, :2] / local[:, 2:]
    facing = ((-rotation.T @ shift - xyz) * normals).sum(dim=1) > 0
    inside = (ideal.abs() < torch.tensor([WIDE / 2, HIGH / 2])).all(dim=1)
    seen = torch.nonzero(facing & inside)[:, 0]
    seen = seen[torch.randperm(len(seen), generator=generator)[:most]]
    noise = torch.randn(len(seen), 3, generator=generator, dtype=torch.float64)
    ideal = ideal[seen] + 0.3 / FOCAL * noise[:, :2]
    wrong = torch.rand(len(seen), generator=generator) < 0.3
    anywhere = torch.rand(len(seen), 2, generator=generator, dtype=torch.float64) - 0.5
    ideal[wrong] = (anywhere * torch.tensor([WIDE, HIGH]))[wrong]
    depths = local[seen, 2] * (1 + 0.03 * noise[:, 2])
    in_camera = torch.cat([ideal * depths[:, None], depths[:, None]], dim=1)
    look = looks[seen] + 0.05 * torch.randn(len(seen), looks.shape[1], generator=generator)
    places = (ideal / torch.tensor([WIDE, HIGH]) + 0.5).float()
    scores = 0.2 + 0.8 * torch.rand(len(seen), generator=generator)
    return (in_camera - shift) @ rotation, ideal, depths, places, scores, F.normalize(look, dim=1)


def made_up(views=12, most=150, points=200, channels=32):
    """Lifted detections, the views, and the true points."""
    generator = torch.Generator().manual_seed(0)
    seeing = ring(views)
    xyz, normals = box(points, generator)
    looks = F.normalize(torch.randn(points, channels, generator=generator), dim=1)
    parts = [
        one_view(rotation, shift, xyz, normals, looks, most, generator)
        for rotation, shift in zip(seeing.rotations, seeing.translations, strict=True)
    ]
    counts = torch.tensor([len(part[0]) for part in parts])
    numbers = torch.arange(views).repeat_interleave(counts)
    joined = [torch.cat(values) for values in zip(*parts, strict=True)]
    return LiftedViews(numbers, *joined, width=640.0), seeing, xyz


def nearest(xyz, truth):
    return torch.cdist(xyz, truth).amin(dim=1)


@pytest.mark.parametrize("poses", [None, PoseTrust()])
def test_condensed_points_lie_nearer_to_the_truth_than_what_was_lifted(poses):
    lifted, views, truth = made_up()
    found = condense_detections(lifted, views, Wanted(1000, RADIUS, poses=poses))
    assert len(found.xyz) > 100
    assert nearest(found.xyz, truth).median() < 0.2 * nearest(lifted.xyz, truth).median()
    assert (nearest(found.xyz, truth) < 0.02).float().mean() > 0.95
    assert (found.uncertainty > 0).all()
    assert found.uncertainty.median() < 0.02


def test_sightings_belong_to_their_points():
    lifted, views, _ = made_up()
    found = condense_detections(lifted, views, Wanted(60, RADIUS))
    assert torch.bincount(found.points, minlength=60).min() >= LEAST_VIEWS
    viewers = lifted.views[found.detections]
    local = torch.einsum("sij,sj->si", views.rotations[viewers], found.xyz[found.points])
    local = local + views.translations[viewers]
    beside = FOCAL * (local[:, :2] / local[:, 2:] - lifted.ideal[found.detections]).norm(dim=1)
    assert beside.max() < 3.1
    assert beside.median() < 0.6
    cosines = (lifted.descriptors[found.detections] * found.descriptors[found.points]).sum(dim=1)
    assert cosines.min() > 0.7
    assert torch.allclose(found.descriptors.norm(dim=1), torch.ones(60), atol=1e-5)
    seen = torch.stack([found.points, viewers], dim=1)
    assert len(seen.unique(dim=0)) == len(seen)


def test_the_order_of_detections_inside_a_view_does_not_matter():
    lifted, views, _ = made_up()
    jumble = torch.rand(len(lifted.views), generator=torch.Generator().manual_seed(7))
    order = torch.argsort(lifted.views + 0.99 * jumble)
    names = ("xyz", "ideal", "depths", "places", "scores", "descriptors")
    shuffled = replace(lifted, **{name: getattr(lifted, name)[order] for name in names})
    one = condense_detections(lifted, views, Wanted(80, RADIUS))
    other = condense_detections(shuffled, views, Wanted(80, RADIUS))
    assert other.xyz.shape == one.xyz.shape
    assert (other.xyz - one.xyz).abs().max() < 1e-6
    assert torch.allclose(other.scores, one.scores, atol=1e-5)
    pairs = set(zip(one.points.tolist(), one.detections.tolist(), strict=True))
    renamed = order[other.detections].tolist()
    assert set(zip(other.points.tolist(), renamed, strict=True)) == pairs


def test_the_number_of_threads_does_not_matter():
    lifted, views, _ = made_up()
    threads, sets = torch.get_num_threads(), []
    try:
        for number in (1, 3):
            torch.set_num_threads(number)
            sets.append(condense_detections(lifted, views, Wanted(80, RADIUS)))
    finally:
        torch.set_num_threads(threads)
    one, other = sets
    assert torch.equal(other.points, one.points)
    assert torch.equal(other.detections, one.detections)
    assert (other.xyz - one.xyz).abs().max() < 1e-9


def test_points_that_one_view_sees_at_first_are_not_missed(monkeypatch):
    lifted, views, _ = made_up()
    quick = condense_detections(lifted, views, Wanted(1000, RADIUS))
    monkeypatch.setattr(condensation, "LEAST_VIEWS_AT_FIRST", 0)
    patient = condense_detections(lifted, views, Wanted(1000, RADIUS))
    assert torch.equal(quick.xyz, patient.xyz)
    assert torch.equal(quick.detections, patient.detections)


def test_it_suffices_to_look_in_near_views_at_first(monkeypatch):
    lifted, views, truth = made_up(views=40)
    thorough = condense_detections(lifted, views, Wanted(1000, RADIUS))
    monkeypatch.setattr(condensation, "FIRST_VIEWS", 10)
    quick = condense_detections(lifted, views, Wanted(1000, RADIUS))
    assert len(quick.xyz) > 0.95 * len(thorough.xyz)
    assert len(quick.points) > 0.95 * len(thorough.points)
    assert (nearest(quick.xyz, truth) < 0.02).float().mean() > 0.95


def test_views_without_surface_have_no_depth():
    lifted, views, _ = made_up(views=3)
    blind = replace(lifted, depths=torch.where(lifted.views == 1, 0.0, lifted.depths))
    found = blind.median_depths(len(views.rotations) + 1)
    assert found[1] == found[3] == 0
    assert found[2] == lifted.depths[lifted.views == 2].median()


@pytest.mark.parametrize("count", [1, 40, 10_000])
@pytest.mark.parametrize("radius", [0.01, 0.4])
def test_count_and_radius_are_respected(count, radius):
    lifted, views, _ = made_up()
    found = condense_detections(lifted, views, Wanted(count, radius))
    assert 0 < len(found.xyz) <= count
    apart = torch.cdist(found.xyz, found.xyz) + 1e9 * torch.eye(len(found.xyz))
    assert apart.min() > radius
    assert found.points.max() == len(found.xyz) - 1


def test_only_what_scores_enough_and_may_stay_is_in_the_set():
    lifted, views, _ = made_up()

    def score(xyz):
        return (0.5 + 0.4 * xyz[:, 0]).clamp(0.0, 1.0).float()

    def keep(xyz):
        return xyz[:, 2] > 0.0

    plain = condense_detections(lifted, views, Wanted(1000, RADIUS))
    wanted = Wanted(1000, RADIUS, min_score=0.6, score=score, keep=keep)
    found = condense_detections(lifted, views, wanted)
    assert 0 < len(found.xyz) < len(plain.xyz)
    assert found.scores.min() >= 0.6
    assert keep(found.xyz).all()
    sums = torch.zeros(len(found.xyz)).index_add_(0, found.points, lifted.scores[found.detections])
    mean = sums / torch.bincount(found.points)
    assert torch.allclose(found.scores, (mean * score(found.xyz)).sqrt(), atol=1e-6)
    assert len(condense_detections(lifted, views, Wanted(9, RADIUS, min_score=1.1)).xyz) == 0


@pytest.mark.parametrize("hit", [True, False])
def test_nothing_is_condensed_to_nothing(hit):
    lifted, views, _ = made_up(views=3)
    names = ("views", "xyz", "ideal", "depths", "places", "scores", "descriptors")
    if hit:  # no detections at all; else some, of which none hit a surface
        lifted = replace(lifted, **{name: getattr(lifted, name)[:0] for name in names})
    else:
        lifted = replace(lifted, depths=torch.zeros_like(lifted.depths))
    found = condense_detections(lifted, views, Wanted(10, RADIUS))
    assert found.xyz.shape == (0, 3)
    assert found.descriptors.shape == (0, 32)
    assert len(found.points) == len(found.detections) == 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_scene_of_fewer_views_needs_fewer_to_agree(count):
    lifted, views, _ = made_up()
    kept = lifted.views < count
    names = ("views", "xyz", "ideal", "depths", "places", "scores", "descriptors")
    lifted = replace(lifted, **{name: getattr(lifted, name)[kept] for name in names})
    views = Viewpoints(views.rotations[:count], views.translations[:count], views.focals[:count])
    found = condense_detections(lifted, views, Wanted(20, RADIUS))
    assert len(found.xyz) > 0
    assert torch.bincount(found.points).min() >= count


@pytest.mark.benchmark
def test_a_million_candidates_take_at_most_ten_seconds_on_two_cores(capsys):
    lifted, views, truth = made_up(views=1000, most=1000, points=20_000, channels=64)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        start, start_cpu = time.perf_counter(), time.process_time()
        found = condense_detections(lifted, views, Wanted(1024, 0.01))
        seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    finally:
        torch.set_num_threads(threads)
    with capsys.disabled():
        print(f"\n{len(lifted.views):,} candidates: {seconds:.1f} s, {cpu:.1f} s of CPU")  # noqa: T201
    assert len(lifted.views) == 1_000_000
    assert len(found.xyz) == 1024
    assert nearest(found.xyz, truth).median() < 0.005
    assert seconds <= 10.0
