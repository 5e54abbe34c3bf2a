"""`condense query` on a run that is really trained."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData

from condense_ns.commands.query import AskQuery
from condense_ns.errors import UserError
from tests.trained_run import TrainedRun


def test_words_give_heatmaps_of_every_held_out_view_and_a_point_cloud(
    trained_run: TrainedRun, tmp_path: Path
):
    AskQuery(
        load_config=trained_run.config,
        text=("red",),
        encoder=trained_run.with_text,
        points=2000,
        output_dir=tmp_path / "found",
    ).main()
    pictures = sorted(file.name for file in (tmp_path / "found").glob("*.png"))
    assert len(pictures) >= 2
    assert len([name for name in pictures if name.endswith("_relevancy.png")]) == len(pictures) / 2
    vertices = PlyData.read(str(tmp_path / "found" / "points.ply"))["vertex"]
    assert 0 < len(vertices) <= 2000
    assert vertices["relevancy"].min() >= 0.0
    assert vertices["relevancy"].max() <= 1.0


@pytest.mark.slow
def test_a_crop_of_the_red_half_finds_the_red_half(trained_run: TrainedRun, tmp_path: Path):
    Image.fromarray(np.full((32, 32, 3), (190, 50, 25), np.uint8)).save(tmp_path / "red.png")
    AskQuery(
        load_config=trained_run.config,
        image=tmp_path / "red.png",
        crop=(4, 4, 28, 28),
        encoder=trained_run.without_text,
        points=4000,
        output_dir=tmp_path / "found",
    ).main()
    vertices = PlyData.read(str(tmp_path / "found" / "points.ply"))["vertex"]
    on_board = (np.abs(vertices["z"]) < 0.2) & (np.abs(vertices["y"]) < 0.9)
    left = on_board & (vertices["x"] > -0.9) & (vertices["x"] < -0.1)
    right = on_board & (vertices["x"] < 0.9) & (vertices["x"] > 0.1)
    assert vertices["relevancy"][left].mean() > vertices["relevancy"][right].mean() + 0.3


@pytest.mark.slow
def test_a_point_of_a_view_is_a_query(trained_run: TrainedRun, tmp_path: Path):
    AskQuery(
        load_config=trained_run.config,
        point=(0, 32, 24),
        points=0,
        output_dir=tmp_path / "found",
    ).main()
    assert list((tmp_path / "found").glob("*_overlay.png"))
    assert not (tmp_path / "found" / "points.ply").exists()


@pytest.mark.slow
def test_thresholds_by_default_and_on_demand(
    trained_run: TrainedRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def threshold(**options: object) -> float:
        AskQuery(load_config=trained_run.config, points=0, output_dir=tmp_path, **options).main()  # type: ignore[arg-type]
        return float(" ".join(capsys.readouterr().out.split()).split("threshold ")[1].split(")")[0])

    words = {"text": ("red",), "encoder": trained_run.with_text}
    assert threshold(**words) == 0.5
    assert threshold(**words, threshold=0.25) == 0.25
    assert 0.0 <= threshold(**words, threshold="automatic") <= 1.0
    place = {"point": (0, 32, 24), "encoder": trained_run.without_text}
    chosen = threshold(**place)
    assert threshold(**place) == chosen == threshold(**place, threshold="automatic")


def test_classes_give_pictures_a_legend_and_labelled_points(
    trained_run: TrainedRun, tmp_path: Path
):
    AskQuery(
        load_config=trained_run.config,
        classes=("red; vermilion", "blue", "sky"),
        points=2000,
        output_dir=tmp_path,
    ).main()
    legend = json.loads((tmp_path / "classes.json").read_text())["classes"]
    assert [entry["label"] for entry in legend] == [-1, 0, 1, 2]
    assert [entry["name"] for entry in legend] == ["none", "red; vermilion", "blue", "sky"]
    assert sum(entry["share"] for entry in legend) == pytest.approx(1.0)
    pictures = [np.asarray(Image.open(file)) for file in tmp_path.glob("*_classes.png")]
    pixels = np.concatenate([picture.reshape(-1, 3) for picture in pictures])
    for entry in legend:
        share = (np.abs(pixels - np.array(entry["colour"])).max(axis=1) <= 1).mean()
        assert share == pytest.approx(entry["share"], abs=1e-3)
    vertices = PlyData.read(str(tmp_path / "points.ply"))["vertex"]
    assert set(np.unique(vertices["label"])) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({}, "exactly one of --text, --image, --point and --classes"),
        ({"text": ("a",), "classes": ("a", "b")}, "exactly one of"),
        ({"classes": ("a",)}, "--classes are 1; give 2 to 21"),
        ({"classes": ("a", "a")}, "give each once"),
        ({"classes": ("a", "none")}, "none called none"),
        ({"classes": ("a", "b"), "reject_below": 1.5}, "--reject-below is 1.5"),
        ({"classes": ("a", "b"), "threshold": 0.5}, "--threshold is not for --classes"),
        ({"text": ("a",), "reject_below": 0.5}, "--reject-below is for --classes"),
        ({"text": ("a",), "point": (0, 1, 1)}, "exactly one of"),
        ({"text": ("a",), "crop": (0, 0, 1, 1)}, "give --image as well"),
        ({"text": ("a",), "threshold": 1.5}, "--threshold is 1.5"),
        ({"text": ("a",), "points": -1}, "--points is -1"),
    ],
)
def test_wrong_options_are_told_before_anything_is_loaded(
    wrong: dict[str, object], sentence: str, tmp_path: Path
):
    with pytest.raises(UserError, match=sentence):
        AskQuery(load_config=tmp_path / "absent.yml", **wrong).main()  # type: ignore[arg-type]


def test_a_run_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(UserError, match="no run at"):
        AskQuery(load_config=tmp_path / "absent.yml", text=("a",)).main()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"text": ("red",), "encoder": "dinov2-small"}, "the run has no encoder dinov2-small"),
        ({"point": (99, 1, 1)}, "view 99 is not among"),
        ({"point": (0, 999, 1)}, "lies outside"),
    ],
)
def test_questions_that_the_run_cannot_answer(
    trained_run: TrainedRun, wrong: dict[str, object], sentence: str, tmp_path: Path
):
    with pytest.raises(UserError, match=sentence):
        AskQuery(load_config=trained_run.config, output_dir=tmp_path, **wrong).main()  # type: ignore[arg-type]


def test_words_for_an_encoder_without_text_are_told(trained_run: TrainedRun, tmp_path: Path):
    with pytest.raises(UserError, match="has no text tower"):
        AskQuery(
            load_config=trained_run.config,
            text=("red",),
            encoder=trained_run.without_text,
            output_dir=tmp_path,
        ).main()
