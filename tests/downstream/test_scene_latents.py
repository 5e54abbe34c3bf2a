"""Large volumes go in pieces whose latents are almost those of the whole."""

import pytest
import torch

from condense_ns.downstream.scene_latents import scene_latents
from condense_ns.fields.octree_backbone import OctreeBackbone
from tests.voxel_scenes import made_volume


@pytest.fixture(scope="module")
def long_volume():
    """A corridor of 400 x 12 x 8 voxels, occupied at random."""
    grid = torch.rand(400, 12, 8, generator=torch.Generator().manual_seed(0)) < 0.1
    return made_volume(torch.nonzero(grid).int())


@pytest.fixture(scope="module")
def backbone():
    torch.manual_seed(0)
    return OctreeBackbone("S", latent_dim=8).eval()


def test_small_volumes_go_at_once(backbone, long_volume):
    with torch.no_grad():
        expected = backbone([long_volume])[0]
    assert torch.equal(scene_latents(backbone, long_volume), expected)


def test_pieces_say_almost_what_the_whole_says(backbone, long_volume):
    with torch.no_grad():
        expected = backbone([long_volume])[0]
    found = scene_latents(backbone, long_volume, most_voxels=1500)
    difference = (found - expected).norm(dim=1) / expected.norm(dim=1)
    assert float(difference.median()) < 0.02
    assert float(difference.quantile(0.99)) < 0.25
