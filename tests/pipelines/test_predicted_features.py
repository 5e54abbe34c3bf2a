"""condense-dense and condense-sparse that begin with what a backbone predicts."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nerfstudio.engine.trainer import TrainerConfig
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
from condense_ns.models.keypoint_training import LOSSES
from condense_ns.pipelines.feature_pipeline import FeaturePipeline
from condense_ns.volumes.sparse_volume import SparseVolume
from condense_ns.volumes.trilinear import trilinear
from tests.sparse_run import small_sparse_config, sparse_pipeline_config
from tests.training import COLOURS, feature_pipeline, pipeline_config, prepared, small_config, train

MOST = 1500
KEYPOINT_LOSSES = {f"keypoint_{name}_loss" for name in LOSSES}


def written(path: Path, spec: str = COLOURS, fingerprint: str | None = None) -> Path:
    """A backbone with random weights for an encoder of three channels."""
    torch.manual_seed(1)
    decoders = LatentDecoders(8, {spec: 3}, hidden_dim=6)
    known = fingerprint or build_encoder(COLOURS, "cpu", None).fingerprint
    decoders.of_encoder(spec).fingerprint.copy_(fingerprint_tensor(known))
    decoders.of_encoder(spec).scale.fill_(0.3)
    save_backbone(path, OctreeBackbone("S", latent_dim=8), decoders)
    return path


def sparse_config(tabletop: Path, output: Path) -> TrainerConfig:
    """condense-sparse-tiny, whose second step also trains keypoints."""
    config = small_sparse_config(tabletop, output)
    pipeline = sparse_pipeline_config(config)
    pipeline.encoders, pipeline.datamanager.encoder_image_size = (COLOURS,), None
    pipeline.keypoint_start, pipeline.keypoint_every = 1, 1
    return config


def config_with(
    tabletop: Path,
    output: Path,
    backbone: Path,
    config_of: Callable[[Path, Path], TrainerConfig] = small_config,
) -> TrainerConfig:
    config = config_of(tabletop, output)
    pipeline_config(config).model.backbone = backbone
    pipeline_config(config).model.backbone_most_voxels = MOST
    return config


def volume_of(tabletop: Path) -> SparseVolume:
    """What the backbone reads of the scene."""
    place = recognised_place(tabletop)
    assert place is not None
    return volume_of_scene(PosedScene(place, 256)).at_most(MOST)


@pytest.mark.parametrize(
    ("config_of", "keypoint_losses"), [(small_config, set()), (sparse_config, KEYPOINT_LOSSES)]
)
def test_a_run_begins_with_the_prediction_and_goes_on_from_it(
    config_of, keypoint_losses: set[str], tabletop: Path, tmp_path: Path
):
    backbone = written(tmp_path / "backbone.safetensors")
    trainer = prepared(config_with(tabletop, tmp_path / "out", backbone, config_of))
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
    losses = train(trainer, 2)
    assert {name for name in losses if name.startswith("keypoint_")} == keypoint_losses
    assert all(map(math.isfinite, losses.values()))
    assert model.predicted.learned_share.item() != 0.0
    learned = torch.randn(len(centres), 8)
    with torch.no_grad():
        now = model.predicted(centres, learned)
    torch.testing.assert_close(
        now - model.predicted.learned_share.item() * learned, expected, atol=1e-3, rtol=1e-3
    )
    backbone.unlink()  # the run must do without it
    _, pipeline, _, _ = eval_setup(trainer.base_dir / "config.yml", test_mode="test")
    assert isinstance(pipeline, FeaturePipeline)
    again = pipeline.model.predicted
    assert again is not None
    with torch.no_grad():
        assert torch.equal(again(centres, learned), now)


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
