"""A bounded number of scenes is open; features of several sizes come on one grid."""

import shutil
from pathlib import Path

import pytest
import torch

from condense_ns.data import open_scenes
from condense_ns.data.open_scenes import OpenScenes
from condense_ns.data.scene_place import ScenePlace
from condense_ns.data.teachers import Teachers
from condense_ns.errors import UserError
from tests.data.changed_scenes import copied, resize_frames
from tests.training import COLOURS


def places(folder: Path) -> list[ScenePlace]:
    return [
        ScenePlace(entry.name, entry, "nerfstudio-data")
        for entry in sorted(folder.iterdir())
        if entry.is_dir()
    ]


def opener(store: Path | None = None) -> OpenScenes:
    return OpenScenes(64, Teachers((COLOURS,), "cpu", 64), store)


def test_scenes_not_used_for_long_are_closed(tabletops: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_scenes, "OPEN_SCENES", 2)
    scenes, (first, second, third) = opener(), places(tabletops)
    opened = scenes[first]
    assert scenes[first] is opened
    _ = scenes[second], scenes[first], scenes[third]
    assert len(scenes) == 2
    assert scenes[first] is opened
    assert scenes[second].scene.name == second.name
    assert len(scenes) == 2


def test_scenes_that_cannot_be_read_are_refused_or_left_out(
    tabletops: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("a", "b", "c"):
        copied(tabletops / "tabletop_000001", tmp_path / name)
    (tmp_path / "b" / "images" / "00003.png").write_bytes(b"torn")
    shutil.rmtree(tmp_path / "c" / "images")
    with pytest.raises(UserError, match=r"scene b: .*00003.png"):
        opener().readable(places(tmp_path), skip_unreadable=False)
    usable = opener().readable(places(tmp_path), skip_unreadable=True)
    assert [place.name for place in usable] == ["a"]
    told = capsys.readouterr().out
    assert "Skipped: scene b" in told
    assert "Skipped: scene c" in told


def test_each_scene_has_features_of_its_own(tabletops: Path, tmp_path: Path):
    scenes = opener(tmp_path)
    maps = [scenes[place].maps(COLOURS) for place in places(tabletops)[:2]]
    assert not torch.equal(maps[0].map(0), maps[1].map(0))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "tabletop_000001",
        "tabletop_000002",
    ]
    assert scenes[places(tabletops)[0]].maps(COLOURS) is maps[0]


def test_maps_of_photographs_of_several_sizes_come_on_one_grid(tabletop: Path, tmp_path: Path):
    folder = copied(tabletop, tmp_path / "mixed")
    resize_frames(folder, {1: (48, 36), 5: (64, 64)})
    scenes = opener(tmp_path / "store")
    opened = scenes[ScenePlace("mixed", folder, "nerfstudio-data")]
    grids = {tuple(opened.maps(COLOURS).map(view).shape[:2]) for view in (0, 1, 4)}
    assert len(grids) > 1
    stacked = opened.stacked_maps(COLOURS, [0, 1, 4])
    plain = scenes[ScenePlace("plain", tabletop, "nerfstudio-data")].stacked_maps(
        COLOURS, [0, 1, 4]
    )
    assert stacked.shape == plain.shape
    assert torch.equal(stacked[0], plain[0])
    assert (stacked - plain).abs().mean() < 0.05
