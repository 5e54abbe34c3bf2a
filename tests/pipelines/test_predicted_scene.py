"""What a backbone says at places of a made-up scene."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.fields.backbone_file import load_backbone
from condense_ns.pipelines.predicted_scene import PredictedScene
from condense_ns.pipelines.scene_lifting import open_scene
from condense_ns.pipelines.voxel_depth import IMAGE_SIZE, VoxelDepth
from tests.backbones import write_backbone

SPECS = ("gradients", "mini")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_backbone(tmp_path_factory.mktemp("backbone") / "b.safetensors", SPECS)


@pytest.fixture(scope="module")
def predicted(tabletop: Path, backbone: Path) -> PredictedScene:
    return PredictedScene(VoxelDepth(tabletop), load_backbone(backbone))


@pytest.fixture(scope="module")
def opened(tabletop: Path) -> PosedScene:
    return open_scene(tabletop, IMAGE_SIZE)


def test_at_the_centres_of_voxels_it_says_what_the_networks_say(opened, backbone, predicted):
    volume, saved = volume_of_scene(opened), load_backbone(backbone)
    assert saved.others is not None
    xyz = volume.centres[:200].double()
    assert predicted.known(xyz).all()
    with torch.no_grad():
        latents = saved.backbone([volume])[0][:200]
        features = saved.decoders.of_encoder("gradients")(latents)
        scores = saved.others.score_3d(latents).sigmoid()
    found = predicted.features(xyz)
    assert list(found) == list(SPECS)
    torch.testing.assert_close(found["gradients"], F.normalize(features), atol=1e-3, rtol=0.0)
    torch.testing.assert_close(predicted.scores(xyz), scores, atol=1e-3, rtol=0.0)
    torch.testing.assert_close(predicted.normals(xyz), volume.normal[:200], atol=1e-3, rtol=0.0)


def test_far_away_nothing_is_known(predicted):
    xyz = torch.full((3, 3), 100.0).double()
    assert not predicted.known(xyz).any()
    for values in (*predicted.features(xyz).values(), predicted.scores(xyz)):
        assert (values == 0).all()
