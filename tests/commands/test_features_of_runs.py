"""Features of the voxels of a trained run, and runs that have none."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from plyfile import PlyData

from condense_ns.benchmarks.step_time import nerfacto_of
from condense_ns.commands.features import Features
from condense_ns.errors import UserError
from condense_ns.export.npz_members import read_members
from condense_ns.methods import condense_pretrain_tiny, lift3d_tiny
from condense_ns.models.lazy_lpips import lpips_deferred
from condense_ns.pipelines.frozen_geometry import read_run
from tests.backbones import write_backbone
from tests.trained_run import TrainedRun
from tests.training import prepared, small_config

READ = ("xyz", "features", "known")


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_backbone(tmp_path_factory.mktemp("backbone") / "b.safetensors", ("mini",))


def features_of(load_config: Path, backbone: Path, output: Path) -> dict[str, np.ndarray]:
    Features(backbone, load_config=load_config, output_path=output, most_voxels=4000).main()
    return read_members(output, READ)


@pytest.fixture(scope="module")
def found(trained_run: TrainedRun, backbone: Path, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("found")
    return features_of(trained_run.config, backbone, folder / "features.npz"), folder


@pytest.fixture(scope="module")
def nerfacto_run(trained_run: TrainedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config file of a run of nerfacto that has learned the same."""
    scene = read_run(trained_run.config).data
    assert scene is not None
    config = nerfacto_of(small_config(scene, tmp_path_factory.mktemp("nerfacto")))
    config.method_name, config.data = "nerfacto", scene
    config.pipeline.datamanager.data = scene
    with lpips_deferred():
        trainer = prepared(config)
    checkpoint = next((trained_run.config.parent / "nerfstudio_models").iterdir())
    learned = torch.load(checkpoint, weights_only=True)["pipeline"]
    ours = trainer.pipeline.state_dict()
    trainer.pipeline.load_state_dict({name: learned.get(name, ours[name]) for name in ours})
    trainer.save_checkpoint(0)
    return trainer.base_dir / "config.yml"


def test_voxels_of_a_run_lie_at_its_surfaces_in_the_dataset_s_coordinates(found):
    features, folder = found
    xyz, known = features["xyz"], features["known"]
    assert 500 < len(xyz) <= 4000
    assert features["features"].shape == (len(xyz), 64)
    assert known.all()
    # The other half is fog after so few steps.
    half = xyz[(xyz[:, 0] > -0.9) & (xyz[:, 0] < -0.2) & (np.abs(xyz[:, 1]) < 0.8)]
    assert len(half) > 50
    assert np.median(np.abs(half[:, 2])) < 0.35
    assert len(PlyData.read(str(folder / "features.ply"))["vertex"]) == len(xyz)


def test_a_run_of_nerfacto_with_the_same_density_has_the_same_features(
    found, nerfacto_run: Path, backbone: Path, tmp_path: Path
):
    theirs = features_of(nerfacto_run, backbone, tmp_path / "features.npz")
    xyz, other_xyz = (torch.from_numpy(each["xyz"]) for each in (found[0], theirs))
    nearest, which = torch.cdist(xyz, other_xyz).min(dim=1)
    same = nearest < 1e-3  # but few: our hash grids round differently
    assert same.float().mean() > 0.98
    ours, others = (torch.from_numpy(each["features"]).float() for each in (found[0], theirs))
    off = (ours - others[which])[same]
    assert off.square().mean() < 0.1 * ours.var(dim=0).mean()


@pytest.mark.parametrize("config_of", [lift3d_tiny, condense_pretrain_tiny])
def test_runs_over_many_scenes_have_no_voxels(config_of, backbone: Path, tmp_path: Path):
    config = config_of()
    config.output_dir, config.experiment_name, config.timestamp = tmp_path, "test", "run"
    config.save_config()
    run = config.get_base_dir() / "config.yml"
    sentence = rf"^{run} is a run of {config.method_name}, which fits no density to a scene; give "
    with pytest.raises(UserError, match=sentence):
        features_of(run, backbone, tmp_path / "features.npz")


def test_a_run_that_was_not_trained_has_no_voxels(scene: Path, backbone: Path, tmp_path: Path):
    trainer = prepared(small_config(scene, tmp_path))
    config = trainer.base_dir / "config.yml"
    with pytest.raises(
        UserError, match=r"run has no checkpoint in nerfstudio_models/; let ns-train"
    ):
        features_of(config, backbone, tmp_path / "features.npz")
    trainer.save_checkpoint(0)
    with pytest.raises(UserError, match=rf"^the run {config} .*; train it longer$"):
        features_of(config, backbone, tmp_path / "features.npz")
    assert not (tmp_path / "features.npz").exists()


def test_a_run_whose_scene_is_gone_is_told(trained_run: TrainedRun, backbone: Path, tmp_path: Path):
    shutil.copytree(trained_run.config.parent, tmp_path / "run")
    config = tmp_path / "run" / "config.yml"
    config.write_text(config.read_text().replace("- board\n", "- gone\n"))
    with pytest.raises(UserError, match=r"was trained on .*gone, which is not there; put the"):
        features_of(config, backbone, tmp_path / "features.npz")
