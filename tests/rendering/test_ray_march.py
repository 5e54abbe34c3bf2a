"""Rays meet the voxels that a ray walking in tiny steps meets, and as much of them."""

import math

import pytest
import torch
from torch.nn import functional as F

from condense_ns.rendering.ray_march import march
from tests.volumes.made_up_volumes import number_at, positions_around, random_volume, volume_of


def rays_around(volume, count, seed=0):
    """From places in and around a volume towards its voxels, of lengths that differ."""
    generator = torch.Generator().manual_seed(seed)
    origins = positions_around(volume, count, seed)
    aims = volume.centres[torch.randint(0, len(volume), (count,), generator=generator)]
    aims = aims + 0.4 * volume.voxel_size * torch.rand(count, 3, generator=generator)
    directions = F.normalize(aims - origins, dim=1)
    return origins, directions * (0.5 + torch.rand(count, 1, generator=generator))


def lengths_by_voxel(samples, ray):
    """What one ray passes of each voxel."""
    found = {}
    for voxel, delta in zip(
        samples.voxels[ray].tolist(), samples.deltas[ray].tolist(), strict=True
    ):
        if voxel >= 0:
            found[voxel] = found.get(voxel, 0.0) + delta
    return found


def slowly(volume, origin, direction):
    """What a ray passes of each voxel: every voxel's box is cut by itself."""
    found = {}
    length = math.dist(direction, (0, 0, 0))
    for number, index in enumerate(volume.voxel_indices.tolist()):
        near, far = 0.0, math.inf
        for axis in range(3):
            low = volume.origin[axis].item() + index[axis] * volume.voxel_size
            ends = [
                (edge - origin[axis]) / direction[axis] for edge in (low, low + volume.voxel_size)
            ]
            near, far = max(near, min(ends)), min(far, max(ends))
        if far - near > 1e-4:
            found[number] = (far - near) * length
    return found


def test_by_hand():
    volume = volume_of([[0, 0, 0], [0, 0, 1], [0, 0, 4]], voxel_size=0.5, origin=(0.0, 0.0, 1.0))
    origins = torch.tensor(
        [[0.25, 0.25, 0.0], [0.25, 0.25, 1.25], [0.25, 0.25, 0.0], [9.0, 9.0, 0.0]]
    )
    directions = torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [0.0, 0.0, 1.0]])
    samples = march(volume, origins, directions)
    assert samples.voxels.tolist() == [[0, 1, 2], [0, 1, 2], [-1, -1, -1], [-1, -1, -1]]
    torch.testing.assert_close(
        samples.t_starts[:2], torch.tensor([[0.5, 0.75, 1.5], [0, 0.25, 1.75]])
    )
    torch.testing.assert_close(
        samples.t_ends[:2], torch.tensor([[0.75, 1.0, 1.75], [0.25, 0.75, 2.25]])
    )
    torch.testing.assert_close(
        samples.deltas[:2], torch.tensor([[0.5, 0.5, 0.5], [0.25, 0.5, 0.5]])
    )
    assert (samples.deltas[2:] == 0).all()
    assert samples.valid.tolist() == [[True] * 3] * 2 + [[False] * 3] * 2
    assert samples.t_middles[0, 0] == pytest.approx(0.625)


@pytest.mark.parametrize(("across", "count"), [(4, 20), (7, 200), (40, 300)])
def test_it_agrees_with_every_box_by_itself(across, count):
    volume = random_volume(seed=across, across=across, count=count)
    origins, directions = rays_around(volume, 60)
    samples = march(volume, origins, directions, most=1000)
    met = 0
    for ray in range(60):
        expected = slowly(volume, origins[ray].tolist(), directions[ray].tolist())
        found = lengths_by_voxel(samples, ray)
        found = {voxel: length for voxel, length in found.items() if length > 2e-4}
        met += len(expected)
        for voxel in expected.keys() | found.keys():
            assert found.get(voxel, 0.0) == pytest.approx(expected.get(voxel, 0.0), abs=1e-3)
    assert met > 50


def test_stretches_are_in_order_and_do_not_overlap():
    volume = random_volume(across=12, count=900)
    samples = march(volume, *rays_around(volume, 200), most=1000)
    assert (samples.t_ends - samples.t_starts)[samples.valid].min() > 0
    both = samples.valid[:, 1:]
    assert (samples.t_starts[:, 1:] - samples.t_ends[:, :-1])[both].min() >= -1e-6
    assert (samples.valid[:, :-1] | ~both).all()  # no gap within a row


def test_the_middle_of_a_stretch_lies_in_its_voxel():
    volume = random_volume(across=12, count=900)
    origins, directions = rays_around(volume, 200)
    samples = march(volume, origins, directions, most=1000)
    long = samples.valid & (samples.deltas > 1e-3)
    places = origins[:, None] + samples.t_middles[..., None] * directions[:, None]
    indices = volume.grid_positions(places[long]).floor().long()
    assert torch.equal(volume.numbers_at(indices), samples.voxels[long])


def test_only_the_nearest_voxels_are_kept():
    volume = random_volume(across=12, count=900)
    rays = rays_around(volume, 100)
    few, many = march(volume, *rays, most=3), march(volume, *rays, most=1000)
    assert few.voxels.shape == (100, 3)
    for name in ("voxels", "t_starts", "t_ends", "deltas"):
        assert torch.equal(getattr(few, name), getattr(many, name)[:, :3])


def test_rays_count_from_where_they_shall():
    volume = volume_of([[0, 0, 0], [0, 0, 1]])
    samples = march(
        volume, torch.tensor([[0.5, 0.5, -1.0]]), torch.tensor([[0, 0, 1.0]]), nearest=1.5
    )
    assert samples.t_starts.tolist() == [[1.5, 2.0]]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_rays_along_the_axes(axis, sign):
    volume = random_volume()
    direction = sign * torch.eye(3)[axis]
    other = [a for a in range(3) if a != axis]
    for index in volume.voxel_indices[::7].tolist():
        origin = volume.origin.float() + (torch.tensor(index) + 0.4) * 0.5 - 20 * direction
        samples = march(volume, origin[None], direction[None], most=100)
        line = [v for v in volume.voxel_indices.tolist() if all(v[a] == index[a] for a in other)]
        line.sort(key=lambda voxel: sign * voxel[axis])
        assert samples.voxels[0].tolist() == [number_at(volume, tuple(v)) for v in line]
        torch.testing.assert_close(
            samples.deltas[0], torch.full((len(line),), 0.5), atol=1e-4, rtol=0
        )


def test_many_rays_are_cut_in_parts_alike(monkeypatch):
    volume = random_volume()
    rays = rays_around(volume, 50)
    whole = march(volume, *rays)
    monkeypatch.setattr("condense_ns.rendering.ray_march._CROSSINGS_AT_ONCE", 100)
    assert torch.equal(march(volume, *rays).voxels, whole.voxels)


def test_voxels_are_found_without_a_table_alike(monkeypatch: pytest.MonkeyPatch):
    volume = random_volume()
    rays = rays_around(volume, 50)
    whole = march(volume, *rays)
    monkeypatch.setattr("condense_ns.rendering.ray_march._TABLE", 0)
    assert torch.equal(march(volume, *rays).voxels, whole.voxels)


def test_one_voxel_far_away_does_not_make_it_slow():
    """A box of a hundred thousand voxels in a row."""
    volume = volume_of([[0, 0, 0], [100_000, 3, 3]])
    samples = march(volume, torch.tensor([[-1.0, 0.5, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]]))
    assert samples.voxels.tolist() == [[0]]


def test_nothing_to_meet():
    ray = torch.zeros(2, 3), torch.ones(2, 3)
    assert march(volume_of([]), *ray).voxels.tolist() == [[-1], [-1]]
    nobody = march(random_volume(), torch.empty(0, 3), torch.empty(0, 3))
    assert nobody.voxels.shape == (0, 1)
