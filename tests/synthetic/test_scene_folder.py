"""How a scene folder comes about: equal bytes, whole or absent, resumed or refused."""

import hashlib
import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from condense_ns.errors import UserError
from condense_ns.synthetic import scene_folder
from condense_ns.synthetic.scene_folder import oriented_box, write_scene
from condense_ns.synthetic.scene_plan import ScenePlan
from condense_ns.synthetic.solids import block
from tests.synthetic.simple_scene import one

TINY = ScenePlan(0, "tabletop", views=5, width=32, height=24, points=100)


def fingerprint(folder):
    """Names and bytes of all files below a folder."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def test_equal_plans_give_equal_bytes_and_others_do_not(tmp_path):
    first, again = (write_scene(TINY, tmp_path / name) for name in ("first", "again"))
    assert fingerprint(first) == fingerprint(again)
    changes = ({"seed": 1}, {"kind": "room"}, {"time": 1}, {"trajectory": "walk"})
    others = [write_scene(replace(TINY, **change), tmp_path / str(change)) for change in changes]
    assert len({fingerprint(folder) for folder in (first, *others)}) == 5
    for picture in ("images/00000.png", "classes/00002.png", "depth/00004.npy"):
        assert len({(folder / picture).read_bytes() for folder in (first, *others)}) == 5


def test_a_folder_holds_what_the_module_describes(written):
    views = {f"{view:05d}" for view in range(10)}
    for kind in ("images", "depth", "classes", "instances"):
        assert {file.stem for file in (written.folder / kind).iterdir()} == views
    names = {file.name for file in written.folder.iterdir() if file.is_file()}
    assert names == {"transforms.json", "annotations.json", "mesh.ply", "points.ply"}
    assert [path.name for path in written.folder.parent.iterdir()] == [written.plan.name]


def test_words_and_plan_are_recorded(written):
    content = json.loads((written.folder / "annotations.json").read_text())
    scene = written.plan.scene()
    assert content["plan"] == asdict(written.plan)
    assert content["light"]["position"] == list(scene.light.position)
    for thing, recorded in zip(scene.instances, content["instances"], strict=True):
        assert recorded["identity"] == thing.identity
        for word in (recorded["class"], recorded["colour"]):
            assert word in recorded["caption"]
    things = content["instances"][3:]
    assert all(recorded["caption"] in content["caption"] for recorded in things)


def test_held_out_views_are_those_of_the_plan(written):
    content = json.loads((written.folder / "transforms.json").read_text())
    held_out = ["images/00004.png"]
    assert content["val_filenames"] == content["test_filenames"] == held_out
    everything = [frame["file_path"] for frame in content["frames"]]
    assert content["train_filenames"] == [name for name in everything if name not in held_out]


def test_a_scene_that_is_there_stays(tmp_path, monkeypatch):
    folder = write_scene(TINY, tmp_path)
    before = fingerprint(folder)
    monkeypatch.setattr(scene_folder, "Photographer", None)  # nothing is photographed again
    assert write_scene(TINY, tmp_path) == folder
    assert fingerprint(folder) == before


def test_a_scene_of_other_options_is_refused_and_stays(tmp_path):
    folder = write_scene(TINY, tmp_path)
    before = fingerprint(folder)
    with pytest.raises(UserError, match=r"tabletop_000000 was made with other options; move it"):
        write_scene(replace(TINY, views=6), tmp_path)
    assert fingerprint(folder) == before


@pytest.mark.parametrize("content", [None, "no json", "[]", "{}", '{"plan": 3}'])
def test_something_else_in_the_place_is_refused_and_stays(tmp_path, content):
    place = tmp_path / TINY.name
    place.mkdir()
    if content is not None:
        (place / "annotations.json").write_text(content)
    before = fingerprint(place)
    with pytest.raises(UserError, match=r"tabletop_000000 .* move it away"):
        write_scene(TINY, tmp_path)
    assert fingerprint(place) == before


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, UserError])
def test_an_exception_midway_leaves_nothing(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error("midway")

    monkeypatch.setattr(scene_folder, "surface_points", fail)
    with pytest.raises(error, match="midway"):
        write_scene(TINY, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_in_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\); choose"):
        write_scene(TINY, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_replaced(tmp_path):
    half = tmp_path / f".{TINY.name}.unfinished" / "images"
    half.mkdir(parents=True)
    (half / "99999.png").write_bytes(b"half")
    folder = write_scene(TINY, tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
    assert fingerprint(folder) == fingerprint(write_scene(TINY, tmp_path / "fresh"))


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UserError, match=f"{file.name}.*cannot be written .*; choose another"):
        write_scene(TINY, file)


def test_a_scene_without_points_is_whole_too(tmp_path):
    folder = write_scene(replace(TINY, points=0), tmp_path)
    assert b"element vertex 0" in (folder / "points.ply").read_bytes()[:200]


def test_a_folder_has_the_rights_of_any_other(tmp_path):
    (tmp_path / "other").mkdir()
    folder = write_scene(TINY, tmp_path)
    assert folder.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_oriented_box_of_a_turned_thing():
    placed = one("table", block(2.0, 1.0, 0.5, x=1.0), x=3.0, y=0.0, z=0.2, turn=np.pi / 2)
    box = oriented_box(placed)
    assert box["size"] == pytest.approx([2.0, 1.0, 0.5])
    assert box["centre"] == pytest.approx([3.0, 1.0, 0.45])
    assert box["turn"] == pytest.approx(np.pi / 2)
