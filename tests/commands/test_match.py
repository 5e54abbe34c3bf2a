"""`condense match` with a made-up detector, which knows where the points of the scene are."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch
from PIL import Image

from condense_ns.commands.match import Match
from condense_ns.errors import UserError
from condense_ns.geometry.projection import Camera
from condense_ns.keypoints.detections import Keypoints2D
from condense_ns.keypoints.keypoint_set import HEAD_NAME
from condense_ns.retrieval.absolute_pose import Lens
from tests.retrieval.scene_points import (
    Taking,
    camera_at_a_distance_of_four,
    photograph,
    scene_of_points,
)

SCENE = scene_of_points()


@pytest.fixture
def camera() -> Camera:
    true = camera_at_a_distance_of_four(2)
    return Lens.ideal(true.width, true.height, (310.0,)).at(true.camera_to_world)


@pytest.fixture
def place(tmp_path: Path, camera: Camera, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a photograph, a set and a head, and what reads them."""
    Image.new("RGB", (400, 300), (90, 80, 70)).save(tmp_path / "kitchen.jpg")
    (tmp_path / HEAD_NAME).write_bytes(b"head")
    (tmp_path / "other_head").write_bytes(b"head")
    monkeypatch.chdir(tmp_path)
    offer(monkeypatch, photograph(SCENE, camera, Taking(wrong=0.3)))
    return tmp_path


def offer(patch: pytest.MonkeyPatch, detected: Keypoints2D) -> list[tuple[Path, int]]:
    """Make `detected` the answer to every photograph; the list gets what heads are loaded."""
    loaded: list[tuple[Path, int]] = []

    def load_detector(
        head: Path, max_keypoints: int, device: str, encoder: str | None, prior: str | None
    ):
        loaded.append((head, max_keypoints))
        return lambda rgb: detected

    detector, files = ModuleType("photo_detector"), ModuleType("keypoint_file")
    detector.__dict__["load_detector"] = load_detector
    files.__dict__["read_keypoints"] = lambda path: SCENE
    patch.setitem(sys.modules, "condense_ns.pipelines.photo_detector", detector)
    patch.setitem(sys.modules, "condense_ns.export.keypoint_file", files)
    return loaded


def told(capsys: pytest.CaptureFixture[str], **options) -> str:
    Match(image=Path("kitchen.jpg"), keypoints=Path("points.npz"), **options).main()
    return capsys.readouterr().out


def rows_of(output: str) -> list[list[float]]:
    lines = output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("camera to world"))
    return [[float(value) for value in line.split()] for line in lines[first + 1 : first + 4]]


@pytest.mark.parametrize("focal", [(310.0,), (310.0, 310.0)])
def test_the_pose_is_told(place, camera, capsys, focal):
    output = told(capsys, focal=focal)
    pose = torch.tensor(rows_of(output), dtype=torch.float64)
    assert torch.allclose(pose, camera.camera_to_world, atol=0.03)
    position = ", ".join(f"{value:.4f}" for value in pose[:, 3].tolist())
    words = " ".join(output.split())
    assert f"taken at {position} in the coordinates of the model" in words
    assert "matches agree on the pose (confidence 0.9" in words
    assert "estimated" not in words


def test_the_matches_are_drawn_here_or_where_they_are_wanted(place, capsys):
    assert "kitchen_matches.png" in told(capsys)
    with Image.open(place / "kitchen_matches.png") as drawn:
        assert drawn.format == "PNG"
    told(capsys, picture=Path("new/drawn.png"))
    assert (place / "new" / "drawn.png").is_file()


def test_an_unknown_focal_length_is_told_as_an_estimate(place, capsys):
    words = " ".join(told(capsys).split())
    focal = float(words.split("focal length estimated: ")[1].split()[0])
    assert focal == pytest.approx(310.0, rel=0.03)


def test_another_place_is_no_pose(place, capsys, monkeypatch):
    detected = photograph(scene_of_points(seed=9), camera_at_a_distance_of_four())
    offer(monkeypatch, detected)
    output = told(capsys, focal=(310.0,))
    assert output.startswith("not this scene: ")
    assert "taken at" not in output
    assert (place / "kitchen_matches.png").is_file()


def test_no_matches_at_all(place, capsys, monkeypatch):
    few = photograph(SCENE, camera_at_a_distance_of_four())
    offer(
        monkeypatch,
        replace(few, pixels=few.pixels[:0], scores=few.scores[:0], descriptors=few.descriptors[:0]),
    )
    assert "0 keypoints match, 6 are needed (confidence 0.00)" in told(capsys)


def test_the_head_lies_beside_the_keypoints_or_where_it_is_said(place, camera, monkeypatch, capsys):
    loaded = offer(monkeypatch, photograph(SCENE, camera))
    told(capsys)
    told(capsys, head=Path("other_head"), max_keypoints=77)
    assert loaded == [(Path(HEAD_NAME), 2048), (Path("other_head"), 77)]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"focal": ()}, "--focal is ; give one or two numbers above 0"),
        ({"focal": (1.0, 2.0, 3.0)}, "--focal is 1.0 2.0 3.0; give"),
        ({"focal": (0.0,)}, "give one or two"),
        ({"focal": (float("inf"),)}, "give one or two"),
        ({"focal": (float("nan"),)}, "give one or two"),
        ({"max_keypoints": 5}, "--max-keypoints is 5, a pose needs at least 6"),
        ({"head": Path("nowhere")}, "no keypoint head nowhere; say with --head"),
        ({"image": Path("absent.jpg")}, "there is no image absent.jpg"),
        ({"picture": Path("kitchen.jpg/drawn.png")}, "cannot be written"),
    ],
)
def test_what_cannot_be_used_is_told(place, wrong, sentence):
    options = {"image": Path("kitchen.jpg"), "keypoints": Path("points.npz"), **wrong}
    with pytest.raises(UserError, match=sentence):
        Match(**options).main()


def test_a_missing_head_beside_the_keypoints(place):
    with pytest.raises(UserError, match=f"no keypoint head elsewhere/{HEAD_NAME}"):
        Match(image=Path("kitchen.jpg"), keypoints=Path("elsewhere/points.npz")).main()
