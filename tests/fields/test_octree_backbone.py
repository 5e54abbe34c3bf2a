"""The 3D branch: what its answers depend on, what they do not, and that it learns."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from condense_ns.errors import UserError
from condense_ns.fields.octree_backbone import PRESETS, OctreeBackbone
from condense_ns.volumes.sparse_volume import KINDS
from condense_ns.volumes.trilinear import trilinear
from tests.voxel_scenes import made_volume, surface_voxels

COARSEST = 16
MILLIONS = {"S": 3.1, "M": 14.8, "L": 54.2}


def backbone(seed: int = 0, **sizes) -> OctreeBackbone:
    torch.manual_seed(seed)
    return OctreeBackbone(**sizes)


@pytest.fixture(scope="module")
def small() -> OctreeBackbone:
    return backbone(latent_dim=8).eval()


@pytest.fixture
def volume():
    return made_volume(surface_voxels(12))


def latents(network, *volumes):
    with torch.no_grad():
        return network(list(volumes))


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_have_the_documented_sizes(preset):
    with torch.device("meta"):
        network = OctreeBackbone(preset)
    count = sum(weight.numel() for weight in network.parameters())
    assert round(count / 1e6, 1) == MILLIONS[preset]
    assert 2 ** (network.num_levels - 1) == COARSEST


def test_there_is_a_latent_of_usual_size_for_each_voxel(volume):
    found = latents(backbone(), volume)[0]
    assert found.shape == (len(volume), 64)
    assert 0.3 < found.std() < 1.5


def test_a_seed_makes_weights_and_answers_bit_for_bit(volume):
    found = [backbone(seed)([volume])[0] for seed in (3, 3, 4)]
    assert torch.equal(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


def test_gradients_are_the_same_bits_in_every_run(volume):
    gradients = []
    for _ in range(2):
        network = backbone(latent_dim=8)
        network([volume])[0].square().mean().backward()
        gradients.append(
            [weight.grad for weight in network.parameters() if weight.grad is not None]
        )
    assert all(map(torch.equal, *gradients))


def test_a_gradient_reaches_every_weight():
    network = backbone(latent_dim=8)
    found = network(
        [made_volume(surface_voxels(20, seed), kind) for seed, kind in enumerate(KINDS)]
    )
    torch.cat(found).square().mean().backward()
    without = [
        name
        for name, weight in network.named_parameters()
        if weight.grad is None or not weight.grad.any() or not weight.grad.isfinite().all()
    ]
    assert not without


def test_moving_a_scene_by_whole_coarsest_voxels_changes_nothing(small, volume):
    step = COARSEST * torch.tensor([-3, 2, 7])
    moved = replace(volume, voxel_indices=volume.voxel_indices + step.int())
    assert torch.equal(latents(small, moved)[0], latents(small, volume)[0])


def test_scenes_of_a_batch_do_not_see_each_other(small):
    volumes = [made_volume(surface_voxels(12, seed), kind, seed) for seed, kind in enumerate(KINDS)]
    for together, volume in zip(latents(small, *volumes), volumes, strict=True):
        assert torch.allclose(together, latents(small, volume)[0], atol=1e-5)


def test_far_parts_of_a_scene_do_not_change_an_answer(small, volume):
    far = volume.voxel_indices + torch.tensor([COARSEST * 50, 0, 0]).int()
    both = made_volume(torch.cat([volume.voxel_indices, far]))
    for name in ("density", "colour", "normal"):
        getattr(both, name)[: len(volume)] = getattr(volume, name)
    found = latents(small, both)[0][: len(volume)]
    assert torch.allclose(found, latents(small, volume)[0], atol=1e-5)


def test_what_lies_ten_voxels_away_matters(small):
    line = torch.tensor([[0, 0, z] for z in range(11)])
    volume = made_volume(line)
    other = replace(volume, colour=volume.colour.clone())
    other.colour[-1] = 1 - other.colour[-1]
    assert not torch.allclose(latents(small, volume)[0][0], latents(small, other)[0][0], atol=1e-4)


def test_an_isolated_voxel_is_answered_as_alone(small):
    one = made_volume(torch.tensor([[3, 3, 3]]))
    alone = latents(small, one)[0]
    assert alone.isfinite().all()
    spread = made_volume(torch.tensor([[3, 3, 3], [803, 3, 3], [1603, 3, 3]]))
    spread.density[:] = one.density
    spread.colour[:] = one.colour
    spread.normal[:] = one.normal
    assert torch.allclose(latents(small, spread)[0], alone.expand(3, 8), atol=1e-5)


def test_an_empty_volume_has_no_latents_and_harms_no_other(small, volume):
    empty = made_volume(torch.empty(0, 3).int())
    assert latents(small, empty)[0].shape == (0, 8)
    found = latents(small, empty, volume, empty)
    assert [len(one) for one in found] == [0, len(volume), 0]
    assert torch.allclose(found[1], latents(small, volume)[0], atol=1e-5)


def test_a_pyramid_may_be_kept_but_not_for_other_volumes(small, volume):
    pyramid = small.pyramid([volume])
    with torch.no_grad():
        assert torch.equal(small([volume], pyramid)[0], small([volume])[0])
    with pytest.raises(
        UserError, match=r"the pyramid is of scenes of \(\d+,\) voxels, the volumes"
    ):
        small([volume, volume], pyramid)


def test_features_at_positions_are_mixed_latents(small, volume):
    positions = torch.cat([volume.centres[:5], torch.tensor([[50.0, 0, 0]])])
    with torch.no_grad():
        found, valid = small.features_at(volume, positions)
    of_voxels = latents(small, volume)[0]
    assert torch.allclose(found[:5], of_voxels[:5], atol=1e-4)
    assert valid.tolist() == [True] * 5 + [False]
    assert torch.equal(found, trilinear(volume, of_voxels, positions)[0])


def test_an_unknown_preset_is_refused():
    with pytest.raises(UserError, match="no backbone preset 'XL'; use one of S, M, L"):
        OctreeBackbone("XL")


def test_no_volume_is_refused(small):
    with pytest.raises(UserError, match="no volume is given to the backbone"):
        small([])


def test_it_learns_from_three_scenes_what_surrounds_a_voxel():
    """The target at a voxel: its neighbour's colour, whether there is a floor, and its opacity."""
    volumes = [made_volume(surface_voxels(8, seed), seed=seed) for seed in range(3)]
    targets = [_surroundings(volume) for volume in volumes]
    network = backbone(latent_dim=5)
    optimizer = torch.optim.Adam(network.parameters(), lr=6e-3)
    pyramid = network.pyramid(volumes)
    losses = []
    for _ in range(35):
        loss = F.mse_loss(torch.cat(network(volumes, pyramid)), torch.cat(targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 5
    assert losses[-1] < torch.cat(targets).var(dim=0).mean() / 3


@pytest.mark.gpu
def test_latents_on_a_gpu_are_those_of_the_cpu(volume):
    network = backbone(latent_dim=8).eval()
    expected = latents(network, volume)
    found = latents(network.cuda(), volume.to("cuda"))
    torch.testing.assert_close(found.cpu(), expected, atol=1e-4, rtol=1e-3)


def _surroundings(volume):
    """Five numbers per voxel, of which four cannot be told from the voxel alone."""
    above = volume.numbers_at(volume.voxel_indices + torch.tensor([0, 0, 1]).int())
    colour = torch.where(above[:, None] >= 0, volume.colour[above], 0)
    below = volume.numbers_at(volume.voxel_indices - torch.tensor([0, 0, 1]).int())
    on_floor = (below >= 0).float()[:, None]
    opacity = 1 - torch.exp(-volume.density * volume.voxel_size)[:, None]
    return torch.cat([colour, on_floor, opacity], dim=1)
