"""What is measured and shown of runs whose scene has no held-out views, and where pictures are kept."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.commands.query import AskQuery
from condense_ns.errors import UserError
from condense_ns.pipelines.loaded_run import load_run
from condense_ns.pipelines.run_evaluation import _rendered_images, evaluate_run
from tests.pretended_gpu import PretendedGpu
from tests.scenes import make_textured_scene
from tests.trained_run import TrainedRun
from tests.training import prepared, small_config, train


@pytest.fixture(scope="module")
def without_held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Config file of a run of six photographs, all of which are trained on."""
    folder = tmp_path_factory.mktemp("without_held_out")
    trainer = prepared(small_config(make_textured_scene(folder / "few", images=6), folder))
    train(trainer, 100)
    return trainer.base_dir / "config.yml"


def test_a_run_without_held_out_views_is_not_measured(without_held_out: Path):
    with pytest.raises(UserError, match=r"few has no evaluation images; choose another split"):
        evaluate_run(load_run(without_held_out))


def test_a_query_without_held_out_views_has_points_and_no_pictures(
    without_held_out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    Image.fromarray(np.full((32, 32, 3), (190, 50, 25), np.uint8)).save(tmp_path / "red.png")
    found = tmp_path / "found"
    AskQuery(
        load_config=without_held_out, image=tmp_path / "red.png", points=500, output_dir=found
    ).main()
    assert [file.name for file in found.iterdir()] == ["points.ply"]
    told = " ".join(capsys.readouterr().out.split())
    assert "has no held-out views: no pictures are written" in told


def test_rendered_pictures_wait_in_the_main_memory(
    trained_run: TrainedRun, monkeypatch: pytest.MonkeyPatch
):
    pipeline = load_run(trained_run.config)
    monkeypatch.setattr(
        pipeline.model, "get_outputs_for_camera", lambda _: {"rgb": torch.rand(2, 3, 3).cuda()}
    )
    monkeypatch.setattr(
        pipeline.model, "get_image_metrics_and_images", lambda *_: ({"psnr": 20.0}, {})
    )
    with PretendedGpu():
        images, quality = _rendered_images(pipeline)
        assert {image.device.type for image in images} == {"cpu"}
    assert len(images) == len(pipeline.datamanager.eval_dataset)
    assert quality == {"psnr": 20.0}
