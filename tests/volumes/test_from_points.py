"""Points become voxels with their means; clouds that cannot are refused."""

import re
import sys
import time

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.volumes.from_points import (
    POINTS_PER_VOXEL,
    THICKNESS,
    PointCloud,
    volume_from_points,
)
from condense_ns.volumes.volume_checks import validated

MOST_SECONDS, REPETITIONS = 1.0, 7


def sphere(count=20_000, centre=(0.0, 0.0, 0.0), seed=0):
    """Points on a unit sphere with their normals, and colours that follow from their places."""
    generator = torch.Generator().manual_seed(seed)
    normals = F.normalize(torch.randn(count, 3, generator=generator), dim=1)
    positions = normals.double() + torch.tensor(centre, dtype=torch.float64)
    return PointCloud(positions, normals / 2 + 0.5, normals)


def refused(cloud, sentence, **options):
    with pytest.raises(UserError, match=rf"^{sentence}$"):
        volume_from_points(cloud, **options)


def test_by_hand():
    cloud = PointCloud(
        positions=torch.tensor(
            [[1.0, 2.0, 3.0], [1.4, 2.4, 3.4], [1.1, 2.1, 4.2], [1.1, 2.1, 4.3]]
        ).double(),
        colours=torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [0, 0, 0.5]]),
        normals=torch.tensor([[0, 0, 2.0], [0, 3.0, 0], [1.0, 0, 0], [-1.0, 0, 0]]),
    )
    volume = validated(volume_from_points(cloud, voxel_size=0.5))
    assert volume.origin.tolist() == [1.0, 2.0, 3.0]
    assert volume.voxel_indices.tolist() == [[0, 0, 0], [0, 0, 2]]
    torch.testing.assert_close(volume.colour, torch.tensor([[0.5, 0.5, 0], [0, 0, 0.75]]))
    root = 0.5**0.5
    torch.testing.assert_close(volume.normal, torch.tensor([[0, root, root], [0, 0, 0]]))
    assert volume.density.tolist() == [2 * THICKNESS, 2 * THICKNESS]
    assert volume.kind == "points"


def test_a_stray_point_is_thinner_than_a_surface():
    cloud = sphere()
    stray = PointCloud(torch.cat([cloud.positions, torch.tensor([[3.0, 3.0, 3.0]]).double()]))
    density = volume_from_points(stray, 0.2).density * 0.2
    assert density[-1] < 0.1 * THICKNESS
    assert density.median() > 0.9 * THICKNESS
    assert density.max() == pytest.approx(THICKNESS)


def test_every_point_lies_in_a_voxel_and_every_voxel_holds_a_point():
    cloud = sphere(centre=(4.0, -2.0, 7.0))
    volume = validated(volume_from_points(cloud, 0.13))
    numbers = volume.numbers_at(volume.grid_positions(cloud.positions).floor().long())
    assert (numbers >= 0).all()
    assert len(numbers.unique()) == len(volume)
    assert cloud.colours is not None
    for number in (0, len(volume) // 2, len(volume) - 1):
        torch.testing.assert_close(
            volume.colour[number], cloud.colours[numbers == number].mean(dim=0)
        )


def test_the_order_of_points_does_not_matter():
    cloud = sphere(3000)
    assert cloud.colours is not None
    assert cloud.normals is not None
    order = torch.randperm(3000, generator=torch.Generator().manual_seed(1))
    shuffled = PointCloud(cloud.positions[order], cloud.colours[order], cloud.normals[order])
    one, other = volume_from_points(cloud), volume_from_points(shuffled)
    assert torch.equal(one.voxel_indices, other.voxel_indices)
    torch.testing.assert_close(one.normal, other.normal)
    assert torch.equal(one.density, other.density)


@pytest.mark.parametrize("count", [300, 20_000])
@pytest.mark.parametrize("outlier", [False, True])
def test_the_chosen_size_gives_a_few_points_per_voxel(count, outlier):
    positions = sphere(count).positions
    if outlier:
        positions = torch.cat([positions, torch.tensor([[400.0, 0.0, 0.0]]).double()])
    volume = volume_from_points(PointCloud(positions))
    assert len(positions) / len(volume) == pytest.approx(POINTS_PER_VOXEL, rel=0.3)


def test_the_chosen_size_follows_the_unit_of_the_scene():
    cloud = sphere(5000)
    small, large = volume_from_points(cloud), volume_from_points(PointCloud(1000 * cloud.positions))
    assert large.voxel_size == pytest.approx(1000 * small.voxel_size)
    assert torch.equal(small.voxel_indices, large.voxel_indices)


def test_voxels_larger_than_the_cloud_are_refused():
    cloud = sphere(100)
    with pytest.raises(UserError, match=r"1.97 units wide, and voxels of size 1e[+]09.*below 1.97"):
        volume_from_points(cloud, voxel_size=1e9)
    one = PointCloud(cloud.positions[:1])  # in one place there is no more to tell
    assert len(volume_from_points(one, voxel_size=1e9)) == 1


def test_a_surveyed_place_far_from_its_origin():
    near, far = (0.0, 0.0, 0.0), (500_000.0, 4_600_000.0, 120.0)
    volumes = [volume_from_points(sphere(5000, centre), 0.1) for centre in (near, far)]
    assert abs(len(volumes[0]) - len(volumes[1])) <= 2  # rounding at the faces of voxels
    bare = validated(volume_from_points(PointCloud(sphere(5000, far).positions), 0.1))
    middle = bare.voxel_indices.double().mean(dim=0)
    outwards = F.normalize(bare.voxel_indices - middle, dim=1).float()
    assert ((outwards * bare.normal).sum(dim=1).median()) > 0.98


def test_without_colours_and_normals():
    volume = validated(volume_from_points(PointCloud(sphere().positions)))
    assert (volume.colour == 0.5).all()
    cosine = (F.normalize(volume.centres, dim=1) * volume.normal).sum(dim=1)
    assert cosine.quantile(0.05) > 0.97


def test_estimated_normals_face_the_places_from_which_surfaces_were_seen():
    volume = volume_from_points(PointCloud(sphere().positions), viewpoints=torch.zeros(1, 3))
    cosine = (F.normalize(volume.centres, dim=1) * volume.normal).sum(dim=1)
    assert cosine.quantile(0.95) < -0.97


def test_one_point_needs_a_size_and_is_a_voxel():
    cloud = PointCloud(torch.tensor([[3.0, 1.0, 2.0]]).double())
    volume = validated(volume_from_points(cloud, 0.5))
    assert volume.centres.tolist() == [[3.25, 1.25, 2.25]]
    assert volume.normal.tolist() == [[0, 0, 0]]
    refused(cloud, "all points of the point cloud lie in one place; give a voxel size")


def test_many_points_in_two_places():
    places = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]).double().repeat(50, 1)
    assert len(validated(volume_from_points(PointCloud(places)))) in (1, 2)


def test_no_points_are_refused():
    refused(
        PointCloud(torch.empty(0, 3).double()),
        "the point cloud holds 0 points; give one with 1 to .*",
    )


def test_too_many_points_are_refused(monkeypatch):
    monkeypatch.setattr("condense_ns.volumes.from_points.MOST_POINTS", 100)
    refused(sphere(101), "scan.ply holds 101 points; give one with 1 to 100, .*", name="scan.ply")


@pytest.mark.parametrize("part", ["positions", "colours", "normals"])
@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_numbers_that_are_not_finite_are_refused(part, wrong):
    parts = {
        "positions": sphere(50).positions,
        "colours": torch.zeros(50, 3),
        "normals": torch.ones(50, 3),
    }
    parts[part][[7, 9], 1] = wrong
    sentence = re.escape(
        f"scan.ply has {part} that are not finite (at 2 points); remove these points"
    )
    refused(PointCloud(**parts), sentence, name="scan.ply")


@pytest.mark.parametrize("size", [1e-9, 0.0, -1.0, float("nan"), float("inf")])
def test_impossible_sizes_are_refused(size):
    refused(
        sphere(50),
        "the point cloud is .* units wide, which cannot be cut into voxels .*",
        voxel_size=size,
    )


@pytest.mark.benchmark
@pytest.mark.parametrize("what", ["everything given", "size chosen", "normals too"])
def test_a_million_points_take_at_most_a_second_on_idle_cores(what, capsys):
    cloud = sphere(1_000_000)
    size = 0.01 if what == "everything given" else None
    if what == "normals too":
        cloud = PointCloud(cloud.positions, cloud.colours)
    found = [timed(cloud, size) for _ in range(REPETITIONS)]
    passed, worked = map(min, zip(*found, strict=True))
    with capsys.disabled():
        sys.stdout.write(
            f"\n{what}: 1e6 points to voxels in {passed:.2f} s ({worked:.2f} s of work, "
            f"{torch.get_num_threads()} threads), at best of {REPETITIONS}\n"
        )
    assert passed <= MOST_SECONDS


def timed(cloud, size):
    """Seconds that pass and seconds of work until there is a volume."""
    started, busy = time.perf_counter(), time.process_time()
    volume_from_points(cloud, size)
    return time.perf_counter() - started, time.process_time() - busy
