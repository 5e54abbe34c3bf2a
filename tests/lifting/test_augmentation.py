"""Other colours and other features that sources and target share as before."""

import pytest
import torch
from torch.nn import functional as F

from condense_ns.geometry.pinhole import project_pinhole
from condense_ns.lifting.augmentation import (
    BENT,
    LEAST_KEPT,
    MIXED_SHARE,
    THINNED_SHARE,
    TURNED,
    faulty,
    mixed_channels,
    recoloured,
    reflected,
)
from condense_ns.lifting.lift_example import LiftExample
from tests.lifting.looking_views import RANGE, TARGET, photographs, sources


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def some_maps(channels=20):
    generator = drawn(0)
    return (
        torch.randn(3, 4, 5, channels, generator=generator),
        torch.randn(4, 5, channels, generator=generator),
    )


def example() -> LiftExample:
    image = photographs(TARGET).images[0].clamp(0, 1)
    return LiftExample("plane", 0, TARGET, image, None, sources(2), RANGE, {}, {})


def test_colours_of_target_and_sources_change_alike():
    before = example()
    shared = before.image[:, 10, 20]
    before.sources.images[1, :, 3, 4] = shared
    after = recoloured(before, drawn(0))
    assert torch.equal(after.image[:, 10, 20], after.sources.images[1, :, 3, 4])
    assert not torch.equal(after.image, before.image)
    assert (after.image >= 0).all()
    assert (after.image <= 1).all()
    assert after.sources.cameras is before.sources.cameras
    assert torch.equal(recoloured(before, drawn(0)).image, after.image)


def test_colours_are_swapped_and_bent_by_hand():
    before = example()
    for seed in range(6):
        after, generator = recoloured(before, drawn(seed)), drawn(seed)
        order = torch.randperm(3, generator=generator)
        exponents = torch.exp(BENT * (2 * torch.rand(3, generator=generator) - 1))
        for colour in range(3):
            expected = before.image[order[colour]] ** exponents[colour]
            torch.testing.assert_close(after.image[colour], expected)


def test_black_and_white_stay():
    before = example()
    before.image[:, 0], before.image[:, 1] = 0.0, 1.0
    after = recoloured(before, drawn(1))
    assert (after.image[:, 0] == 0).all()
    assert (after.image[:, 1] == 1).all()


def test_faults_are_those_of_sources_and_of_real_photographs():
    before = example()
    moved = []
    for seed in range(20):
        after = faulty(before, drawn(seed))
        assert torch.equal(after.image, before.image)
        assert after.target is before.target
        assert after.sources.images.amin() >= 0
        assert after.sources.images.amax() <= 1
        poses = after.sources.cameras.world_to_camera_cv
        rotations = poses[:, :3, :3]
        torch.testing.assert_close(
            rotations @ rotations.transpose(1, 2), torch.eye(3).expand(2, 3, 3), atol=1e-5, rtol=0.0
        )
        torch.testing.assert_close(after.sources.cameras.centres, before.sources.cameras.centres)
        ahead = torch.tensor([0.0, 0.0, 2.0])
        point = torch.linalg.solve(
            before.sources.cameras.world_to_camera_cv[0], F.pad(ahead, (0, 1), value=1.0)
        )
        places = [
            project_pinhole(point[None, :3], views).places[0, 0]
            for views in (before.sources.cameras, after.sources.cameras)
        ]
        size = torch.tensor([TARGET.width, TARGET.height])
        moved.append(((places[1] - places[0]) * size).abs().max().item())
    assert 0.2 * TURNED < max(moved) < 4 * TURNED
    assert min(moved) < 0.05 * TURNED


def test_faults_are_drawn_from_the_generator():
    first, again, other = (faulty(example(), drawn(seed)).sources.images for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_reflection_by_hand():
    features = torch.tensor([[1.0, 2.0], [0.0, -3.0]])
    assert reflected(features, torch.tensor([5.0, 0.0])).tolist() == [[-1.0, 2.0], [0.0, -3.0]]
    swapped = reflected(features, torch.tensor([1.0, -1.0]))
    torch.testing.assert_close(swapped, features.flip(1))


def test_a_reflection_keeps_angles_and_undoes_itself():
    features, axis = some_maps()[1], torch.randn(20, generator=drawn(3))
    found = reflected(features, axis)
    flat, mirrored = features.flatten(0, 1), found.flatten(0, 1)
    torch.testing.assert_close(mirrored @ mirrored.T, flat @ flat.T, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(reflected(found, axis), features, atol=1e-5, rtol=1e-4)
    assert torch.equal(reflected(features, torch.zeros(20)), features)


def test_maps_of_sources_and_target_change_alike():
    maps = some_maps()
    maps[0][1, 2, 3] = maps[1][0, 0]
    for seed in range(20):
        first, second = mixed_channels(maps, drawn(seed))
        assert torch.equal(first[1, 2, 3], second[0, 0])
        again = mixed_channels(maps, drawn(seed))
        assert torch.equal(first, again[0])
        assert torch.equal(second, again[1])


def test_as_many_draws_are_thinned_and_mixed_as_promised():
    maps, count = some_maps(), 400
    found = [mixed_channels(maps, drawn(seed))[1] for seed in range(count)]
    widths = torch.tensor([one.shape[-1] for one in found])
    whole = widths == 20
    assert ((widths < 20).float().mean() - THINNED_SHARE).abs() < 0.08
    assert widths.min() >= round(LEAST_KEPT * 20)
    same = sum(torch.equal(found[at], maps[1]) for at in torch.nonzero(whole)[:, 0])
    assert abs(same / int(whole.sum()) - (1 - MIXED_SHARE)) < 0.1


def test_mixing_keeps_lengths_and_thinning_keeps_channels():
    maps = some_maps()
    lengths = maps[1].norm(dim=-1)
    columns = {tuple(column.flatten().tolist()) for column in maps[1].unbind(-1)}
    for seed in range(40):
        found = mixed_channels(maps, drawn(seed))[1]
        kept = {tuple(column.flatten().tolist()) for column in found.unbind(-1)}
        if found.shape[-1] == 20:
            torch.testing.assert_close(found.norm(dim=-1), lengths, atol=1e-4, rtol=1e-4)
        elif kept <= columns:
            assert len(kept) == found.shape[-1]  # each once


@pytest.mark.parametrize("seed", range(10))
def test_a_single_channel_stays_one(seed):
    maps = some_maps(channels=1)
    first, second = mixed_channels(maps, drawn(seed))
    assert first.shape == maps[0].shape
    torch.testing.assert_close(second.abs(), maps[1].abs())
