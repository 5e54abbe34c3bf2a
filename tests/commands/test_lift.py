"""`condense lift`: what it writes, and what it refuses before it works."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from condense_ns.commands.lift import Lift, read_click
from condense_ns.errors import UserError
from condense_ns.export.point_cloud import read_points, write_points
from tests.data.changed_scenes import copied, rewrite
from tests.lift_run import LiftRun
from tests.operators.own_operators import COLOURS


def lift(scene: Path, run: LiftRun, out: Path, **options) -> Lift:
    settings = {"operator": "rgb", "image_size": 64, "sources": 3, "weights": run.config} | options
    return Lift(scene=scene, out=out, **settings)


def pictures(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(file)) for file in sorted(folder.iterdir())]


def test_a_path_is_a_film_of_its_pictures(tabletop: Path, lift_run: LiftRun, tmp_path: Path):
    out = tmp_path / "out"
    lift(tabletop, lift_run, out, frames=3).main()
    colours = pictures(out / "rgb")
    assert [picture.shape for picture in colours] == [(48, 64, 3)] * 3
    assert not np.array_equal(colours[0], colours[-1])
    for found, expected in zip(pictures(out / "answer"), colours, strict=True):
        assert np.abs(found.astype(int) - expected.astype(int)).mean() < 16  # of coarser cells
    with av.open(str(out / "answer.mp4")) as film:
        assert len(list(film.decode(video=0))) == 3


def test_held_out_views_with_classes_and_points(tabletop: Path, lift_run: LiftRun, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    operator = "classes:mini?chair,table"
    lift(
        tabletop,
        lift_run,
        out,
        operator=operator,
        views="eval",
        points_from_depth=300,
    ).main()
    labels = pictures(out / "labels")
    assert len(labels) == len(pictures(out / "rgb")) == 2
    assert set(np.unique(labels)) <= {0, 1}
    with np.load(out / "points.npz", allow_pickle=False) as points:
        assert points["xyz"].shape == (300, 3)
        assert len(points["features"]) == 300
    assert (out / "points.ply").is_file()


OWN = "torch:tests.operators.own_operators"


def test_super_resolution_by_an_operator_of_one_s_own(
    tabletop: Path, lift_run: LiftRun, tmp_path: Path
):
    out = tmp_path / "out"
    operator = f"{OWN}:Enlarger"
    lift(tabletop, lift_run, out, operator=operator, frames=2, points_from_depth=50).main()
    for colours, answer in zip(pictures(out / "rgb"), pictures(out / "answer"), strict=True):
        assert (colours.shape, answer.shape) == ((48, 64, 3), (96, 128, 3))
        pooled = answer.reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))
        assert np.abs(pooled - colours).mean() < 16
    with av.open(str(out / "answer.mp4")) as film:
        sizes = [(frame.height, frame.width) for frame in film.decode(video=0)]
    assert sizes == [(96, 128)] * 2
    with np.load(out / "points.npz", allow_pickle=False) as points:
        assert points["features"].shape == (50, 12)


@pytest.mark.parametrize("word", ["gold", "blue"])
def test_editing_by_a_word_and_an_operator_of_one_s_own(
    tabletop: Path, lift_run: LiftRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word
):
    monkeypatch.setenv("EDIT", word)
    lift(tabletop, lift_run, tmp_path / "out", operator=f"{OWN}:editor", views="eval").main()
    folders = (tmp_path / "out" / name for name in ("rgb", "answer"))
    for colours, answer in zip(*map(pictures, folders), strict=True):
        edited = 2.0 * answer - colours  # see Editor.decode
        grey = edited.max(axis=2, keepdims=True)
        assert grey.mean() > 40
        assert np.abs(edited - grey * np.array(COLOURS[word])).max() < 5


def test_the_same_views_of_the_same_weights_are_the_same(
    tabletop: Path, lift_run: LiftRun, tmp_path: Path
):
    for name in ("first", "second"):
        lift(tabletop, lift_run, tmp_path / name, views="eval").main()
    first, second = (pictures(tmp_path / name / "answer") for name in ("first", "second"))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_an_older_run_is_replaced_and_files_of_others_stop_it_before_it_works(
    tabletop: Path, lift_run: LiftRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out"
    lift(tabletop, lift_run, out, frames=3).main()
    lift(tabletop, lift_run, out, frames=2).main()
    assert len(pictures(out / "rgb")) == 2
    (out / "mine.txt").write_text("mine")
    monkeypatch.setattr("condense_ns.pipelines.lift_output.write_views", None)
    with pytest.raises(UserError, match=r"holds mine\.txt, which would be deleted"):
        lift(tabletop, lift_run, out, frames=2).main()
    assert len(pictures(out / "rgb")) == 2


@pytest.mark.parametrize("saved", [False, True])
def test_points_may_have_either_of_a_scene_s_coordinates(
    tabletop: Path, lift_run: LiftRun, tmp_path: Path, capsys: pytest.CaptureFixture[str], saved
):
    scene = copied(tabletop, tmp_path / "scene")
    applied = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, -1.0, 0.0, 0.0]]
    rewrite(scene, lambda meta: meta.update(applied_transform=applied))
    lift(scene, lift_run, tmp_path / "first", views="eval", points_from_depth=200).main()
    points = read_points(tmp_path / "first" / "points.ply").float()
    if saved:
        points = points @ torch.tensor(applied)[:, :3].T
    file = tmp_path / "given.ply"
    write_points(file, points, torch.zeros(200, 3), "number", torch.zeros(200))
    capsys.readouterr()
    lift(scene, lift_run, tmp_path / "second", views="eval", points=file).main()
    told = " ".join(capsys.readouterr().out.split())
    assert f"in the coordinates of {'transforms.json' if saved else 'the dataset'}" in told
    with np.load(tmp_path / "second" / "points.npz", allow_pickle=False) as found:
        np.testing.assert_allclose(found["xyz"], points.numpy(), atol=1e-6)
        assert (found["seen_by"] > 0).mean() > 0.9


def test_points_are_read_before_the_work(tabletop: Path, lift_run: LiftRun, tmp_path: Path):
    file = tmp_path / "given.ply"
    file.write_text("no points")
    with pytest.raises(UserError, match=r"given\.ply"):
        lift(tabletop, lift_run, tmp_path / "out", operator="unheard", points=file).main()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 8}, "--image-size is 8"),
        ({"sources": 0}, "--sources is 0"),
        ({"frames": 1}, "--frames is 1"),
        ({"steady": 1.5}, "--steady is 1.5"),
        ({"points_from_depth": -1}, "--points-from-depth is -1"),
        ({"points": Path("none.ply")}, "no file none.ply"),
        ({"points": Path(__file__), "points_from_depth": 3}, "not both"),
        ({"weights": Path("none.safetensors")}, "none.safetensors"),
        ({"operator": "unheard"}, "unheard"),
        ({"operator": "stroke:mini", "clicks": ("1,2",)}, "click '1,2'"),
        ({"operator": "stroke:mini", "clicks": ("-1,2,3",)}, "view -1"),
        ({"clicks": ("1,2,3",)}, "--clicks are for .* only, not for rgb"),
        ({"out": Path(__file__)}, r"test_lift\.py cannot be written \(it is no folder\)"),
        ({"scene": Path("nowhere")}, "no scenes at nowhere: .* as --scene$"),
    ],
)
def test_what_cannot_be_done_is_told(
    tabletop: Path, lift_run: LiftRun, tmp_path: Path, options, message
):
    places = {"scene": tabletop, "out": tmp_path / "out"} | options
    with pytest.raises(UserError, match=message):
        lift(run=lift_run, **places).main()
    assert not (tmp_path / "out").exists()


def test_views_of_clicks_are_checked_before_photographs_are_encoded(
    tabletop: Path, lift_run: LiftRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("condense_ns.pipelines.scene_lifting.SceneLifter.maps", None)
    clicks = ("99,2,3",)
    with pytest.raises(UserError, match="view 99 was asked for; the scene's are numbered 0 to"):
        lift(tabletop, lift_run, tmp_path / "out", operator="stroke:mini", clicks=clicks).main()


def test_clicks_by_hand():
    assert read_click("3,10.5,7") == read_click("3,10.5,7,+")
    assert read_click("3,10.5,7,-").positive is False
    assert (read_click("3,10.5,7").view, read_click("3,10.5,7").x) == (3, 10.5)
