"""Our methods through nerfstudio's own commands, each in a process of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.lift_run import LiftRun
from tests.pretrain_run import AGREEMENT
from tests.scenes import make_textured_scene
from tests.trained_run import TrainedRun
from tests.training import COLOURS

BIN = Path(sys.executable).parent
BETWEEN_VIEWS = ("mvc", "rnd", "margin", "corr1")
"""Ends of the names of figures that need two held-out views of the same places."""


def run(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One of nerfstudio's commands, whatever it exits with."""
    line = [str(BIN / command), *(str(argument) for argument in arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=600)


def figures_of(config: Path, folder: Path) -> dict[str, float]:
    """What `ns-eval` writes about a run: finite numbers, but for those between views that share nothing."""
    found = run("ns-eval", "--load-config", config, "--output-path", folder / "figures.json")
    assert found.returncode == 0, found.stderr[-2000:]
    results = json.loads((folder / "figures.json").read_text())["results"]
    alone = {name: value for name, value in results.items() if not name.endswith(BETWEEN_VIEWS)}
    assert all(np.isfinite(value) for value in alone.values()), alone
    return results


def make_nan_pose(scene: Path) -> None:
    file = scene / "transforms.json"
    meta = json.loads(file.read_text())
    meta["frames"][2]["transform_matrix"][0][3] = float("nan")
    file.write_text(json.dumps(meta))


def test_a_mistake_ends_ns_train_with_one_sentence(tmp_path: Path):
    scene = make_textured_scene(tmp_path / "board")
    make_nan_pose(scene)
    found = run(
        "ns-train",
        *("condense-dense-tiny", "--output-dir", tmp_path / "outputs", "--data", scene),
        *("--vis", "tensorboard", "--pipeline.encoders", "torch:math:sqrt"),
    )
    assert found.returncode != 0
    assert "Traceback" not in found.stderr
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")


@pytest.mark.slow
def test_ns_eval_writes_our_figures(trained_run: TrainedRun, tmp_path: Path):
    results = figures_of(trained_run.config, tmp_path)
    assert results["psnr"] > 14.0  # the photographs' mean colour: 11.0
    assert results["feature_1_cos_c"] > 0.5


@pytest.mark.slow
def test_ns_eval_compares_the_held_out_views_of_a_scene_that_lift3d_never_saw(
    lift_run: LiftRun, tmp_path: Path
):
    results = figures_of(lift_run.config, tmp_path)
    assert results["psnr"] > 10.0
    assert 0.0 < results["ssim"] < 1.0


@pytest.mark.slow
def test_ns_train_and_ns_eval_run_condense_pretrain(tabletops: Path, tmp_path: Path):
    found = run(
        "ns-train",
        *("condense-pretrain-tiny", "--output-dir", tmp_path, "--data", tabletops),
        *("--timestamp", "t", "--max-num-iterations", "3", "--pipeline.encoders", COLOURS),
        *("--pipeline.datamanager.image-size", "64", "--pipeline.datamanager.grey-share", "0"),
        *("--pipeline.datamanager.encoder-image-size", "64"),
        *("--pipeline.datamanager.most-voxels", "1500", "--pipeline.model.latent-dim", "16"),
    )
    assert found.returncode == 0, found.stderr[-2000:]
    assert list(tmp_path.rglob("step-000000002.ckpt"))
    (config,) = tmp_path.rglob("config.yml")
    results = figures_of(config, tmp_path)
    for name in AGREEMENT:
        assert -1.0 <= results[name] <= 1.0
    assert results[f"{COLOURS} coverage"] > 0.8
    assert results["psnr"] > 10.0


@pytest.mark.slow
def test_ns_train_of_no_steps_leaves_what_ns_eval_can_measure(tabletop: Path, tmp_path: Path):
    found = run(
        "ns-train",
        *("condense-dense-tiny", "--output-dir", tmp_path, "--data", tabletop, "--timestamp", "t"),
        *("--max-num-iterations", "0", "--vis", "tensorboard", "--pipeline.encoders", "mini"),
        *("--pipeline.model.backbone", "shipped", "--pipeline.model.backbone-most-voxels", "2000"),
    )
    assert found.returncode == 0, found.stderr[-2000:]
    config, figures = next(tmp_path.rglob("config.yml")), tmp_path / "figures.json"
    found = run("ns-eval", "--load-config", config, "--output-path", figures)
    assert found.returncode == 0, found.stderr[-2000:]
    assert json.loads(figures.read_text())["checkpoint"].endswith("step-000000000.ckpt")


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ns-render refuses to start without ffmpeg"
)
def test_ns_render_writes_pictures_of_features_and_depth(trained_run: TrainedRun, tmp_path: Path):
    found = run(
        "ns-render",
        *("interpolate", "--load-config", trained_run.config),
        *("--rendered-output-names", "feature_pca", "depth"),
        *("--interpolation-steps", "2", "--pose-source", "train", "--output-format", "images"),
        *("--downscale-factor", "2", "--output-path", tmp_path / "frames"),
    )
    assert found.returncode == 0, found.stderr[-2000:]
    frames = sorted((tmp_path / "frames").glob("*.jpg"))
    assert frames
    picture = np.asarray(Image.open(frames[0]), dtype=np.float32)
    assert picture.std() > 5.0


@pytest.mark.slow
def test_ns_train_goes_on_from_the_shipped_weights_of_lift3d(tabletops: Path, tmp_path: Path):
    found = run(
        "ns-train",
        *("lift3d-tiny", "--output-dir", tmp_path, "--data", tabletops, "--timestamp", "t"),
        *("--max-num-iterations", "2", "--vis", "tensorboard", "--pipeline.encoders", "gradients"),
        *(
            "--pipeline.datamanager.image-size",
            "64",
            "--pipeline.datamanager.num-sources",
            "2",
            "3",
        ),
    )
    assert found.returncode == 0, found.stderr[-2000:]
    assert list(tmp_path.rglob("step-000000001.ckpt"))


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ns-render refuses to start without ffmpeg"
)
def test_ns_render_renders_a_scene_from_its_photographs(lift_run: LiftRun, tmp_path: Path):
    found = run(
        "ns-render",
        *("dataset", "--load-config", lift_run.config, "--output-path", tmp_path / "frames"),
        *("--rendered-output-names", "rgb", "feature_pca", "--split", "test"),
    )
    assert found.returncode == 0, found.stderr[-2000:]
    for name in ("rgb", "feature_pca"):
        frames = sorted((tmp_path / "frames").rglob(f"{name}/*"))
        assert len(frames) == 2
        assert np.asarray(Image.open(frames[0]), dtype=np.float32).std() > 5.0


@pytest.mark.parametrize("command", ["ns-train", "condense"])
def test_help_names_what_is_ours(command: str):
    found = run(command, "--help")
    assert found.returncode == 0
    words = (
        ["condense-dense", "condense-dense-tiny"] if command == "ns-train" else ["query", "bench"]
    )
    for word in words:
        assert word in found.stdout
