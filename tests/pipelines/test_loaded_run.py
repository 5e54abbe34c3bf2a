"""Runs that are opened from elsewhere than where they were trained."""

import shutil
from pathlib import Path

import pytest
import torch
from nerfstudio.utils.writer import EVENT_WRITERS

from condense_ns.errors import UserError
from condense_ns.pipelines.loaded_run import load_radiance_run, load_run
from condense_ns.pipelines.run_checkpoint import newest_checkpoint
from tests.training import prepared, small_config


@pytest.fixture(scope="module")
def moved(scene: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.yml of a run whose folder was moved after it was saved twice."""
    folder = tmp_path_factory.mktemp("moved")
    trainer = prepared(small_config(scene, folder / "here"))
    trainer.save_checkpoint(0)
    EVENT_WRITERS.clear()  # the host's trainings would go on writing into the folder that is gone
    there = shutil.move(
        trainer.base_dir, folder / "there, \N{LATIN SMALL LETTER E WITH ACUTE}l\u00e8ve"
    )
    return Path(there) / "config.yml"


def test_a_run_that_was_moved_is_opened_where_it_is(moved: Path, monkeypatch: pytest.MonkeyPatch):
    (moved.parent / "nerfstudio_models" / ".DS_Store").touch()  # the host would take it for one
    saved = torch.load(newest_checkpoint(moved), weights_only=True)["pipeline"]
    monkeypatch.chdir(moved.parent)
    for model in (load_run(Path("config.yml")).model, load_radiance_run(moved).model):
        name = "field.mlp_head.layers.0.weight"
        assert torch.equal(model.state_dict()[name], saved[f"_model.{name}"])


def test_a_run_without_a_whole_checkpoint_is_told(moved: Path, tmp_path: Path):
    config = tmp_path / "config.yml"
    shutil.copy(moved, config)
    sentence = rf"^{tmp_path} has no checkpoint in nerfstudio_models/; .* copy that folder to where"
    for load in (load_run, load_radiance_run):
        with pytest.raises(UserError, match=sentence):
            load(config)
    shutil.copytree(moved.parent / "nerfstudio_models", tmp_path / "nerfstudio_models")
    whole = newest_checkpoint(config)
    damaged = whole.with_name("step-000000001.ckpt")
    damaged.write_bytes(whole.read_bytes()[:-1000])
    with pytest.raises(UserError, match=rf"^{damaged} is damaged; .* so that the one before it"):
        load_run(config)
    whole.unlink()
    with pytest.raises(UserError, match=r"is damaged; restore it, or delete it and train again$"):
        load_run(config)
