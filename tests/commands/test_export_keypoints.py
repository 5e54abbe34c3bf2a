"""`condense export keypoints`: options, files and where they come from."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from PIL import Image
from plyfile import PlyData

from condense_ns.commands.export_keypoints import ExportKeypoints
from condense_ns.commands.match import Match
from condense_ns.errors import UserError
from condense_ns.export.keypoint_file import read_keypoints, read_provenance
from condense_ns.keypoints.keypoint_set import HEAD_NAME
from tests.commands.made_up_condensing import MadeUpCondensing, made_up_keypoints
from tests.scenes import FOCAL
from tests.sparse_run import HEIGHT, VIEWS, WIDTH, SparseRun
from tests.trained_run import TrainedRun
from tests.training import SURROUNDINGS

BOX = (-1.0, -1.0, -1.0, 1.0, 1.0, 1.0)


@pytest.fixture
def condensing(monkeypatch: pytest.MonkeyPatch) -> MadeUpCondensing:
    """The made-up module instead of the one that looks at the run."""
    module = MadeUpCondensing()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_all_files_are_written_in_the_frame_of_the_dataset(
    trained_run: TrainedRun, condensing: MadeUpCondensing, tmp_path: Path
):
    folder = tmp_path / "new" / "keypoints"
    ExportKeypoints(trained_run.config, folder).main()
    wanted = {"keypoints.npz", HEAD_NAME, "keypoints.ply", "colmap", "keypoints.json"}
    assert {file.name for file in folder.iterdir()} == wanted
    moved = made_up_keypoints().in_frame("dataset")
    stored = read_keypoints(folder / "keypoints.npz")
    assert stored.frame == "dataset"
    assert np.allclose(stored.xyz, moved.xyz)
    vertices = PlyData.read(str(folder / "keypoints.ply"))["vertex"]
    assert np.allclose(vertices["x"], moved.xyz[:, 0])
    for form in ("text/points3D.txt", "binary/points3D.bin"):
        assert (folder / "colmap" / form).stat().st_size > 0


def test_the_record_says_where_the_keypoints_come_from(
    trained_run: TrainedRun, condensing: MadeUpCondensing, tmp_path: Path
):
    ExportKeypoints(trained_run.config, tmp_path, crop=BOX, radius=0.25).main()
    record = json.loads((tmp_path / "keypoints.json").read_text())
    assert {"date", "commit", "torch"} <= record.keys()
    assert record["run"] == str(trained_run.config)
    assert list(record["encoders"]) == [trained_run.with_text, trained_run.without_text]
    assert all(len(digest) == 64 for digest in record["encoders"].values())
    assert len(set(record["encoders"].values())) == 2
    options = {"count": 1024, "radius": 0.25, "min_score": 0.0, "crop": list(BOX)}
    options["adjust_poses"] = True
    assert record["options"] == options
    assert record["frame"] == "dataset"
    assert (record["keypoints"], record["observations"], record["views"]) == (3, 3, 1)
    assert read_provenance(tmp_path / "keypoints.npz") == record


def test_options_reach_the_condensing_and_files_can_stay_in_the_models_frame(
    trained_run: TrainedRun, condensing: MadeUpCondensing, tmp_path: Path
):
    ExportKeypoints(
        trained_run.config,
        tmp_path,
        count=2,
        radius=0.5,
        min_score=0.3,
        crop=BOX,
        adjust_poses=False,
        frame="model",
    ).main()
    assert condensing.asked == condensing.CondenseOptions(2, 0.5, 0.3, BOX, False)
    stored = read_keypoints(tmp_path / "keypoints.npz")
    assert stored.frame == "model"
    assert np.allclose(stored.xyz, made_up_keypoints(2).xyz)
    assert json.loads((tmp_path / "keypoints.json").read_text())["frame"] == "model"


def test_one_line_per_file_with_its_size(
    trained_run: TrainedRun,
    condensing: MadeUpCondensing,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    ExportKeypoints(trained_run.config, tmp_path).main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.endswith(" kB")]
    names = [Path(line.split(": ")[0]).name for line in lines]
    assert names == ["keypoints.npz", HEAD_NAME, "keypoints.ply", "colmap", "keypoints.json"]
    size = (tmp_path / "keypoints.npz").stat().st_size
    assert lines[0].endswith(f": {size / 1e3:.1f} kB")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"count": 0}, "--count is 0, it must be 1 or more"),
        ({"radius": 0.0}, "--radius is 0.0, it must lie above 0"),
        ({"radius": float("nan")}, "--radius is nan"),
        ({"min_score": -0.1}, r"--min-score is -0.1, it must lie in \[0, 1\]"),
        ({"min_score": 1.5}, "--min-score is 1.5"),
        ({"crop": (0.0, 0.0, 0.0, 1.0, 0.0, 1.0)}, "--crop goes from 0.0 to 0.0 along y"),
        ({"crop": (0.0, 0.0, 1.0, 1.0, 1.0, -1.0)}, "--crop goes from 1.0 to -1.0 along z"),
        ({"crop": (float("nan"), 0.0, 0.0, 1.0, 1.0, 1.0)}, "--crop goes from nan"),
    ],
)
def test_wrong_options_are_told_before_anything_is_loaded(
    wrong: dict[str, object], sentence: str, tmp_path: Path
):
    with pytest.raises(UserError, match=sentence):
        ExportKeypoints(tmp_path / "absent.yml", tmp_path / "out", **wrong).main()  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_not_there_is_told(condensing: MadeUpCondensing, tmp_path: Path):
    with pytest.raises(UserError, match="no run at"):
        ExportKeypoints(tmp_path / "absent.yml", tmp_path / "out").main()


def test_a_scene_without_keypoints_is_told(
    trained_run: TrainedRun, condensing: MadeUpCondensing, tmp_path: Path
):
    with pytest.raises(UserError, match="no keypoint of score"):
        ExportKeypoints(trained_run.config, tmp_path, min_score=1.0).main()


def test_a_folder_that_cannot_be_made_is_told_before_condensing(
    trained_run: TrainedRun, condensing: MadeUpCondensing, tmp_path: Path
):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="choose another --output-dir"):
        ExportKeypoints(trained_run.config, tmp_path / "file" / "out").main()
    assert condensing.asked is None


@pytest.mark.slow
def test_neither_open3d_nor_the_hosts_exporter_is_needed():
    code = """
import sys
for name in ("open3d", "pymeshlab", "nerfstudio.scripts.exporter"):
    sys.modules[name] = None
import condense_ns.pipelines.loaded_run, condense_ns.export.keypoint_file
import condense_ns.export.keypoint_ply, condense_ns.export.colmap_model, condense_ns.commands.main
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@pytest.fixture(scope="module")
def exported(sparse_run: SparseRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was really trained and condensed."""
    folder = tmp_path_factory.mktemp("exported")
    ExportKeypoints(sparse_run.config, folder).main()
    return folder


def matched(exported: Path, photograph: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What `condense match` prints, its picture beside the photograph."""
    picture = photograph.with_name("matches.png")
    Match(photograph, exported / "keypoints.npz", focal=(FOCAL * WIDTH,), picture=picture).main()
    assert picture.is_file()
    return capsys.readouterr().out


def test_a_held_out_photograph_finds_its_pose_in_the_exported_keypoints(
    sparse_run: SparseRun, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Within a twentieth of the distance of three units, which so short a training allows."""
    frames = json.loads((sparse_run.scene / "transforms.json").read_text())["frames"]
    poses = {frame["file_path"]: np.array(frame["transform_matrix"])[:3] for frame in frames}
    trained_on = {view.name for view in read_keypoints(exported / "keypoints.npz").views}
    held_out = min(poses.keys() - trained_on)
    photograph = tmp_path / "held_out.png"
    photograph.write_bytes((sparse_run.scene / held_out).read_bytes())
    told = matched(exported, photograph, capsys)
    assert "in the coordinates of the dataset: " in " ".join(told.split())
    lines = told.splitlines()
    first = lines.index("camera to world (OpenGL):") + 1
    pose = np.array([[float(number) for number in line.split()] for line in lines[first:][:3]])
    assert np.linalg.norm(pose[:, 3] - poses[held_out][:, 3]) < 0.15
    assert np.linalg.norm(pose[:, :3] - poses[held_out][:, :3]) < 0.1


def test_noise_is_not_the_scene(exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert matched(exported, tmp_path / "noise.png", capsys).startswith("not this scene: ")


def test_exported_files_tell_of_the_same_keypoints(sparse_run: SparseRun, exported: Path):
    keypoints = read_keypoints(exported / "keypoints.npz")
    assert keypoints.descriptors.keys() == {"head", SURROUNDINGS}
    points = pycolmap.Reconstruction(exported / "colmap" / "binary").points3D
    assert len(points) == len(keypoints) > 50
    assert len(PlyData.read(str(exported / "keypoints.ply"))["vertex"]) == len(keypoints)
    record = json.loads((exported / "keypoints.json").read_text())
    assert record["views"] == VIEWS
    assert list(record["encoders"]) == [SURROUNDINGS]


def test_a_run_without_keypoints_is_refused_before_a_folder_is_made(
    trained_run: TrainedRun, tmp_path: Path
):
    with pytest.raises(UserError, match="this run has no keypoints; train condense-sparse"):
        ExportKeypoints(trained_run.config, tmp_path / "out").main()
    assert not (tmp_path / "out").exists()
