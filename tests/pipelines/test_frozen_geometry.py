"""Features for a scene that has been trained before."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from condense_ns.benchmarks.step_time import nerfacto_of
from condense_ns.errors import UserError
from condense_ns.models.lazy_lpips import lpips_deferred
from tests.scenes import make_textured_scene
from tests.training import pipeline_config, prepared, small_config, train


@pytest.fixture(scope="module")
def nerfacto_run(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config file of a nerfacto run of the scene."""
    config = nerfacto_of(small_config(scene, tmp_path_factory.mktemp("nerfacto")))
    config.method_name = "nerfacto"
    config.pipeline.datamanager.data = scene
    with lpips_deferred():
        trainer = prepared(config)
    train(trainer, 10)
    return trainer.base_dir / "config.yml"


def test_geometry_is_taken_over_and_stays_while_features_are_learned(
    scene: Path, tmp_path: Path, nerfacto_run: Path
):
    config = small_config(scene, tmp_path)
    pipeline_config(config).model.geometry_from = nerfacto_run
    pipeline_config(config).model.num_levels = 9  # must give way to the run's own
    trainer = prepared(config)
    checkpoint = next((nerfacto_run.parent / "nerfstudio_models").glob("*.ckpt"))
    theirs = torch.load(checkpoint, weights_only=True)["pipeline"]
    first = train(trainer, 1)
    last = train(trainer, 20)
    ours = trainer.pipeline.state_dict()
    for name in theirs:
        if name.startswith(("_model.field.", "_model.proposal_networks.")):
            assert torch.equal(ours[name], theirs[name]), name
    assert last["feature_cosine_loss_0"] < first["feature_cosine_loss_0"]
    assert "rgb_loss" not in last


def test_geometry_of_a_run_on_several_gpus_is_taken_over(
    scene: Path, tmp_path: Path, nerfacto_run: Path
):
    together = tmp_path / "together"
    shutil.copytree(nerfacto_run.parent, together)
    checkpoint = next((together / "nerfstudio_models").glob("*.ckpt"))
    saved = torch.load(checkpoint, weights_only=True)
    theirs = saved["pipeline"]
    saved["pipeline"] = {
        name.replace("_model.", "_model.module.", 1): value for name, value in theirs.items()
    }
    torch.save(saved, checkpoint)
    config = small_config(scene, tmp_path)
    pipeline_config(config).model.geometry_from = together / "config.yml"
    ours = prepared(config).pipeline.state_dict()
    taken = [name for name in theirs if name.startswith("_model.field.")]
    assert taken
    for name in taken:
        assert torch.equal(ours[name], theirs[name]), name


def test_geometry_of_another_scene_is_refused(tmp_path: Path, nerfacto_run: Path):
    other = make_textured_scene(tmp_path / "other")
    meta = json.loads((other / "transforms.json").read_text())
    for frame in meta["frames"]:
        frame["transform_matrix"][0][3] += 1.0
    (other / "transforms.json").write_text(json.dumps(meta))
    config = small_config(other, tmp_path)
    pipeline_config(config).model.geometry_from = nerfacto_run
    with pytest.raises(UserError, match="another scene"):
        prepared(config)
    shutil.copytree(nerfacto_run.parent, tmp_path / "run")
    (tmp_path / "run" / "dataparser_transforms.json").write_text('{"transform": [[1.0, 0')
    pipeline_config(config).model.geometry_from = tmp_path / "run" / "config.yml"
    with pytest.raises(
        UserError, match=r"dataparser_transforms\.json cannot be read .* restore it"
    ):
        prepared(config)


def test_a_run_that_is_not_there_is_told(scene: Path, tmp_path: Path):
    config = small_config(scene, tmp_path)
    pipeline_config(config).model.geometry_from = tmp_path / "config.yml"
    with pytest.raises(UserError, match="no run at"):
        prepared(config)


def test_a_run_without_checkpoint_is_told(scene: Path, tmp_path: Path, nerfacto_run: Path):
    bare = tmp_path / "bare" / "config.yml"
    bare.parent.mkdir()
    bare.write_text(nerfacto_run.read_text())
    config = small_config(scene, tmp_path)
    pipeline_config(config).model.geometry_from = bare
    with pytest.raises(UserError, match="no checkpoint"):
        prepared(config)


def test_a_file_that_is_no_run_is_told(scene: Path, tmp_path: Path):
    file = tmp_path / "config.yml"
    file.write_text("just: words\n")
    config = small_config(scene, tmp_path)
    pipeline_config(config).model.geometry_from = file
    with pytest.raises(UserError, match=r"is not a config.yml of ns-train"):
        prepared(config)
    for damaged in (b"!!python/object:nerf", b"a: [1", b"!!python/name:gone.Thing ''", b"\xff\xfe"):
        file.write_bytes(damaged)
        with pytest.raises(UserError, match=rf"^{file} cannot be read \(.*\); give the config.yml"):
            prepared(config)
