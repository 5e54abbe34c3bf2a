"""condense-dense that begins with what a backbone predicts."""

from pathlib import Path

import pytest
import torch
from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.data.posed_scene import PosedScene
from condense_ns.data.scene_place import recognised_place
from condense_ns.data.scene_volume import volume_of_scene
from condense_ns.encoders import build_encoder
from condense_ns.errors import UserError
from condense_ns.fields.backbone_file import load_backbone, save_backbone
from condense_ns.fields.feature_field import fingerprint_tensor
from condense_ns.fields.latent_decoders import LatentDecoders
from condense_ns.fields.octree_backbone import OctreeBackbone
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.trilinear import trilinear
from tests.training import COLOURS, feature_pipeline, pipeline_config, prepared, small_config, train

MOST = 1500


def written(path: Path, spec: str = COLOURS, fingerprint: str | None = None) -> Path:
    """A backbone with random weights for an encoder of three channels."""
    torch.manual_seed(1)
    decoders = LatentDecoders(8, {spec: 3}, hidden_dim=6)
    known = fingerprint or build_encoder(COLOURS, "cpu", None).fingerprint
    decoders.of_encoder(spec).fingerprint.copy_(fingerprint_tensor(known))
    decoders.of_encoder(spec).scale.fill_(0.3)
    save_backbone(path, OctreeBackbone("S", latent_dim=8), decoders)
    return path


def config_with(tabletop: Path, output: Path, backbone: Path):
    config = small_config(tabletop, output)
    pipeline_config(config).model.backbone = backbone
    pipeline_config(config).model.backbone_most_voxels = MOST
    return config


def volume_of(tabletop: Path) -> SparseVolume:
    """What the backbone reads of the scene."""
    place = recognised_place(tabletop)
    assert place is not None
    return volume_of_scene(PosedScene(place, 256)).at_most(MOST)


def test_a_run_begins_with_the_prediction_and_keeps_it(tabletop: Path, tmp_path: Path):
    backbone = written(tmp_path / "backbone.safetensors")
    trainer = prepared(config_with(tabletop, tmp_path / "out", backbone))
    model = feature_pipeline(trainer).model
    assert model.predicted is not None
    volume, saved = volume_of(tabletop), load_backbone(backbone)
    centres = volume.centres
    with torch.no_grad():
        expected, known = trilinear(volume, saved.backbone([volume])[0], centres)
        found = model.predicted(centres, torch.randn(len(centres), 8))
    assert known.all()
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)  # the frames are the same
    decoder = saved.decoders.of_encoder(COLOURS)
    latents = expected[:50]
    with torch.no_grad():
        torch.testing.assert_close(
            model.decoder(COLOURS)(torch.cat([latents, torch.zeros(50, _view_dim(model))], dim=1)),
            decoder(latents),
        )
    train(trainer, 2)
    assert model.predicted.learned_share.item() != 0.0
    backbone.unlink()  # the run must do without it
    _, pipeline, _, _ = eval_setup(trainer.base_dir / "config.yml", test_mode="test")
    assert isinstance(pipeline, FeaturePipeline)
    again = pipeline.model.predicted
    assert again is not None
    learned = torch.randn(len(centres), 8)
    with torch.no_grad():
        assert torch.equal(again(centres, learned), model.predicted(centres, learned))


def _view_dim(model) -> int:
    net = model.decoder(COLOURS).view_net
    return 0 if net is None else net[0].in_features - 8


def test_a_backbone_for_other_encoders_is_refused(tabletop: Path, tmp_path: Path):
    other = written(tmp_path / "other.safetensors", spec="mini")
    with pytest.raises(UserError, match="was not trained with torch:colour_network:network"):
        prepared(config_with(tabletop, tmp_path / "out", other))
    changed = written(tmp_path / "changed.safetensors", fingerprint="ab" * 32)
    with pytest.raises(UserError, match="of other weights or settings"):
        prepared(config_with(tabletop, tmp_path / "out", changed))
    with pytest.raises(UserError, match="cannot be read as a backbone"):
        prepared(config_with(tabletop, tmp_path / "out", tmp_path / "absent.safetensors"))
