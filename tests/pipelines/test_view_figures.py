"""Means over views of several scenes, of which some lack features."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nerfstudio.utils.eval_utils import eval_setup

from condense_ns.data.open_scenes import OpenScene
from condense_ns.errors import UserError
from condense_ns.models.condense_pretrain import VolumeAround
from condense_ns.pipelines.cross_scene_pipeline import CrossScenePipeline
from condense_ns.pipelines.shown_scene import rendered_from
from condense_ns.pipelines.view_figures import ViewFigures, means_of_some
from tests.lift_run import TRAINING, trained, write_list
from tests.pretrain_run import small_pretrain_config
from tests.training import COLOURS


@pytest.fixture(scope="module")
def run(tabletops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.yml of a short run of condense-pretrain."""
    folder = tmp_path_factory.mktemp("figures")
    scenes = write_list(tabletops, folder / "list.yaml")
    return trained(small_pretrain_config(scenes, folder / "out")).base_dir / "config.yml"


def test_only_what_some_lack_is_averaged_anew():
    views = [
        ViewFigures(psnr=1.0, cosine=0.5),
        ViewFigures(psnr=2.0),
        ViewFigures(psnr=3.0, cosine=0.1, late=4.0),
    ]
    assert np.isnan(views[1]["cosine"])
    assert means_of_some(views, with_std=False) == pytest.approx({"cosine": 0.3, "late": 4.0})
    found = means_of_some(views, with_std=True)
    assert found["cosine_std"] == pytest.approx(np.std([0.5, 0.1], ddof=1))
    assert np.isnan(found["late_std"])  # of a single view


@pytest.mark.parametrize("lacking", TRAINING)
def test_figures_are_means_over_the_views_that_have_them(
    run: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lacking: str
):
    _, pipeline, _, _ = eval_setup(run, test_mode="test")
    assert isinstance(pipeline, CrossScenePipeline)
    manager = pipeline.datamanager
    monkeypatch.setattr(type(manager), "_evaluated", lambda self: self.scenes.val)
    manager.setup_eval()
    loader = manager.fixed_indices_eval_dataloader
    assert {batch["examples"][0].scene for _, batch in loader} == set(TRAINING)
    other = next(name for name in TRAINING if name != lacking)
    every = [(batch, metrics) for batch, metrics in _views(pipeline, loader)]
    expected = [
        metrics[f"{COLOURS} cos_c"]
        for batch, metrics in every
        if batch["examples"][0].scene == other
    ]
    maps = OpenScene.maps

    def lost(self: OpenScene, spec: str):
        if self.scene.name == lacking:
            raise UserError("a photograph is gone")
        return maps(self, spec)

    monkeypatch.setattr(OpenScene, "maps", lost)
    found = pipeline.get_average_image_metrics(loader, "eval", get_std=True)
    assert found[f"{COLOURS} cos_c"] == pytest.approx(np.mean(expected), abs=1e-5)
    assert found[f"{COLOURS} cos_c_std"] == pytest.approx(np.std(expected, ddof=1), abs=1e-5)
    assert found["psnr"] == pytest.approx(np.mean([one["psnr"] for _, one in every]), abs=1e-4)
    told = f"features of {COLOURS} of scene {lacking} are not compared: a photograph is gone"
    assert [record.message for record in caplog.records].count(told) == 1
    assert "get_image_metrics_and_images" not in vars(pipeline.model)


def _views(
    pipeline: CrossScenePipeline, loader: Iterable[tuple[Any, dict[str, Any]]]
) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
    """Each view's batch, and its figures."""
    for camera, batch in loader:
        example = batch["examples"][0]
        around = VolumeAround(example.volume, example.pyramid)
        with rendered_from(pipeline.model, around):
            outputs = pipeline.model.get_outputs_for_camera(camera)
        yield batch, pipeline.model.get_image_metrics_and_images(outputs, batch)[0]
